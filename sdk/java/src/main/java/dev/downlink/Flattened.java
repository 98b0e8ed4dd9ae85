package dev.downlink;

import java.util.Collections;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Function;

/** The elements of one page after the other. */
final class Flattened<P, T> implements Iterator<T> {
    private final Iterator<P> pages;
    private final Function<P, Iterable<T>> elements;
    private Iterator<T> current = Collections.emptyIterator();

    Flattened(Iterator<P> pages, Function<P, Iterable<T>> elements) {
        this.pages = pages;
        this.elements = elements;
    }

    @Override
    public boolean hasNext() {
        while (!current.hasNext() && pages.hasNext()) {
            current = elements.apply(pages.next()).iterator();
        }
        return current.hasNext();
    }

    @Override
    public T next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return current.next();
    }
}
