package dev.downlink.testing;

/** A system property for as long as a test needs it; it stands for an environment variable. */
public final class Setting implements AutoCloseable {
    private final String name;
    private final String before;

    public Setting(String name, String value) {
        this.name = name;
        before = System.setProperty(name, value);
    }

    @Override
    public void close() {
        if (before == null) {
            System.clearProperty(name);
        } else {
            System.setProperty(name, before);
        }
    }
}
