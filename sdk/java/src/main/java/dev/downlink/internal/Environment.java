package dev.downlink.internal;

import java.util.Optional;

/**
 * Settings by name.
 *
 * <p>A system property goes before the environment variable of the same name: servlet containers and
 * {@code appengine-web.xml} set properties per application, and variables for all of a machine's.
 */
public final class Environment {
    private Environment() {}

    /** The setting without spaces around it; empty if it is not set, or has no other characters. */
    public static Optional<String> get(String name) {
        String property = System.getProperty(name);
        String value = property == null ? System.getenv(name) : property;
        return Optional.ofNullable(value).map(String::strip).filter(text -> !text.isEmpty());
    }
}
