package dev.downlink.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The reader of forms, with forms that other programs make. */
class MultipartFormTest {
    private static final String HEAD = "Content-Disposition: form-data; name=\"from\"\r\n\r\n";

    @Test
    void fieldsAreReadByName() {
        String form = "--b\r\n" + HEAD + "ada\r\n--b\r\n"
                + "content-type: text/plain\r\ncontent-disposition:form-data;name=to\r\n\r\nbob\r\n--b--\r\n";
        assertEquals(Map.of("from", "ada", "to", "bob"), read(form));
    }

    @Test
    void valuesMayHoldAnything() {
        for (String value : new String[] {"", "\r\n", "--", "a\r\n-b", "é😀", "name=\"x\"", "a\r\n\r\nb"}) {
            assertEquals(value, read("--b\r\n" + HEAD + value + "\r\n--b--").get("from"));
        }
    }

    @Test
    void theFirstOfSeveralFieldsCounts() {
        assertEquals("1", read("--b\r\n" + HEAD + "1\r\n--b\r\n" + HEAD + "2\r\n--b--").get("from"));
    }

    @Test
    void aNameIsNotTakenFromAFileName() {
        String form = "--b\r\nContent-Disposition: form-data; filename=\"from\"\r\n\r\nx\r\n--b--";
        assertEquals(Map.of(), read(form));
    }

    @Test
    void aBoundaryFromOutsideMaySkipWhatStandsBeforeIt() {
        byte[] form = ("ignored\r\n--b\r\n" + HEAD + "ada\r\n--b--").getBytes(StandardCharsets.UTF_8);
        assertEquals("ada", MultipartForm.read(form, "b").get("from"));
        assertEquals(Optional.of("a b"), MultipartForm.boundaryIn("multipart/form-data; Boundary=\"a b\"; x=y"));
        assertEquals(Optional.of("b"), MultipartForm.boundaryIn("multipart/form-data;x=y;boundary=b;z=1"));
        assertEquals(Optional.empty(), MultipartForm.boundaryIn("multipart/form-data"));
    }

    @Test
    void aContentTypeSaysMultipart() {
        assertTrue(MultipartForm.isSaidBy("Multipart/form-data; boundary=b"));
        assertFalse(MultipartForm.isSaidBy("application/x-www-form-urlencoded"));
        assertFalse(MultipartForm.isSaidBy(null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--", "--\r\n", "--b", "--b\r\n", "from=ada", "--b\r\n\r\n--b",
        "--b\r\nno head\r\n--b--", "--b\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\nada",
        "--b\r\nx\r\n\r\nada\r\n--bc--"})
    void whatIsNoFormIsRefused(String text) {
        assertThrows(Unreadable.class, () -> read(text));
    }

    @Test
    void aFieldThatIsNotUtf8IsRefused() {
        byte[] form = ("--b\r\n" + HEAD + "\u00ff\r\n--b--").getBytes(StandardCharsets.ISO_8859_1);
        assertThrows(Unreadable.class, () -> MultipartForm.read(form));
    }

    private static Map<String, String> read(String form) {
        return MultipartForm.read(form.getBytes(StandardCharsets.UTF_8));
    }
}
