package progress;

import java.util.Arrays;

/** Work that takes its time: counts the primes below a number, piece by piece. */
final class Primes {
    /** Odd numbers in a piece; they fit the processor's cache. */
    private static final int PIECE = 1 << 18;

    private final long below;
    private final int[] small;
    private final boolean[] composite = new boolean[PIECE];

    /** The first number of the next piece; odd. */
    private long next = 3;

    /** How many were found so far: at first the 2. */
    private long found;

    Primes(long below) {
        this.below = below;
        found = below > 2 ? 1 : 0;
        small = smallPrimes((int) Math.sqrt((double) below) + 1);
    }

    /** Up to where all numbers were looked at. */
    long done() {
        return Math.min(next, below);
    }

    long found() {
        return found;
    }

    /** Looks at another piece; false if there is none. */
    boolean step() {
        if (next >= below) {
            return false;
        }
        Arrays.fill(composite, false);
        int size = (int) Math.min(PIECE, (below - next + 1) / 2);
        for (int prime : small) {
            long square = (long) prime * prime;
            if (square >= next + 2L * size) {
                break;
            }
            // The first odd multiple that is not below this piece.
            long first = Math.max(square, (next + prime - 1) / prime * prime);
            if (first % 2 == 0) {
                first += prime;
            }
            for (long at = (first - next) / 2; at < size; at += prime) {
                composite[(int) at] = true;
            }
        }
        for (int at = 0; at < size; at++) {
            if (!composite[at]) {
                found++;
            }
        }
        next += 2L * size;
        return true;
    }

    /** The odd primes up to a number. */
    private static int[] smallPrimes(int upTo) {
        boolean[] no = new boolean[upTo + 1];
        int[] primes = new int[upTo / 2 + 1];
        int count = 0;
        for (int number = 3; number <= upTo; number += 2) {
            if (no[number]) {
                continue;
            }
            primes[count++] = number;
            for (long multiple = (long) number * number; multiple <= upTo; multiple += number) {
                no[(int) multiple] = true;
            }
        }
        return Arrays.copyOf(primes, count);
    }
}
