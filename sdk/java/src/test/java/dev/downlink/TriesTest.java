package dev.downlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** When and how soon a call is tried again, without a network and without waiting. */
class TriesTest {
    private static final IOException LOST_ANSWER = new IOException("private words");

    @Test
    void theWaitsGrowAndDifferAndEnd() {
        TreeSet<Long> firsts = new TreeSet<>();
        TreeSet<Long> seconds = new TreeSet<>();
        for (int run = 0; run < 200; run++) {
            Tries tries = tries(true);
            firsts.add(tries.delayAfterFailure(LOST_ANSWER).toMillis());
            seconds.add(tries.delayAfter(503, Optional.empty()).orElseThrow().toMillis());
            assertTrue(tries.delayAfter(503, Optional.empty()).isEmpty());
        }
        assertTrue(firsts.first() >= 100 && firsts.last() <= 300 && firsts.size() > 20, firsts::toString);
        assertTrue(seconds.first() >= 300 && seconds.last() <= 900 && seconds.size() > 20, seconds::toString);
    }

    @ParameterizedTest
    @CsvSource({"2,2000,2000", "600,5000,5000", "soon,100,300", "0,100,300", "99999999999,100,300", "-1,100,300"})
    void aServerMayAskForPatienceWithinReason(String asked, long least, long most) {
        long delay = tries(true).delayAfter(503, Optional.of(asked)).orElseThrow().toMillis();
        assertTrue(delay >= least && delay <= most, () -> "it waits " + delay);
    }

    @Test
    void whoAskedTooOftenAsksAgainWhenItWasToldTo() {
        assertEquals(Optional.of(Duration.ofSeconds(1)), tries(true).delayAfter(429, Optional.of("1")));
    }

    @ParameterizedTest
    @ValueSource(ints = {200, 201, 202, 204, 400, 401, 413, 422, 500, 507})
    void otherAnswersAreTheLastWord(int status) {
        assertTrue(tries(true).delayAfter(status, Optional.empty()).isEmpty());
    }

    @Test
    void whatMustNotBeDoneTwiceIsTriedAgainOnlyIfItNeverArrived() {
        assertTrue(tries(false).delayAfter(503, Optional.empty()).isEmpty());
        assertFalse(tries(false).delayAfterFailure(new ConnectException()).isZero());
        assertThrows(DownlinkException.Unavailable.class, () -> tries(false).delayAfterFailure(LOST_ANSWER));
    }

    @Test
    void theLastFailureIsToldWithoutItsOwnText() {
        Tries tries = tries(true);
        tries.delayAfterFailure(LOST_ANSWER);
        tries.delayAfterFailure(LOST_ANSWER);
        DownlinkException told =
                assertThrows(DownlinkException.Unavailable.class, () -> tries.delayAfterFailure(LOST_ANSWER));
        assertEquals("connection_failed", told.code());
        assertTrue(told.detail().contains("IOException"));
        assertFalse(told.detail().contains("private"));
        assertEquals(null, told.getCause());
    }

    private static Tries tries(boolean repeatable) {
        return new Tries(repeatable, Tries.FIRST_DELAY);
    }
}
