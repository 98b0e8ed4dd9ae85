package dev.downlink;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Function;

/** Asks for page after page, each when it is needed. */
final class Pages<P> implements Iterator<P> {
    private final Function<String, P> ask;
    private final Function<P, Optional<String>> next;
    private String after;
    private boolean more = true;

    /**
     * The first page is asked for with {@code after}, which may be null; each other one with what {@code next} says.
     */
    Pages(String after, Function<String, P> ask, Function<P, Optional<String>> next) {
        this.after = after;
        this.ask = ask;
        this.next = next;
    }

    @Override
    public boolean hasNext() {
        return more;
    }

    @Override
    public P next() {
        if (!more) {
            throw new NoSuchElementException();
        }
        P page = ask.apply(after);
        Optional<String> start = next.apply(page);
        more = start.isPresent();
        after = start.orElse(null);
        return page;
    }
}
