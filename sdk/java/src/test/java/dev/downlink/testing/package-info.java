/** What the tests need to run the real server and to listen as a page does. */
package dev.downlink.testing;
