/** Helpers shared by this library's packages. Not part of its API: anything here may change. */
package dev.downlink.internal;
