package dev.downlink.testing;

import dev.downlink.internal.JsonObject;
import dev.downlink.internal.JsonReader;
import java.io.IOException;
import java.net.CookieManager;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A browser of its own, with one game open. */
public final class Visitor implements AutoCloseable {
    private final CookieManager cookies = new CookieManager();
    private final HttpClient http = HttpClient.newBuilder()
            .cookieHandler(cookies)
            .version(HttpClient.Version.HTTP_1_1)
            .build();
    private final String url;
    private final String gameId;
    private final String html;
    private Page page;

    public Visitor(String url, String gameId) throws Exception {
        this.url = url;
        this.gameId = gameId;
        html = get("/?g=" + gameId).body();
    }

    /** What the page was filled with. */
    public String said(String name) {
        Matcher said = Pattern.compile("const " + name + " = \"([\\w.-]*)\";").matcher(html);
        if (!said.find() || html.contains("{{")) {
            throw new AssertionError("the page does not say its " + name);
        }
        return said.group(1);
    }

    /** The client id of this player. */
    public String clientId() {
        return cookies.getCookieStore().getCookies().get(0).getValue() + "-" + gameId;
    }

    /** Opens the channel, and says so. */
    public Visitor open() throws Exception {
        page = new Page(url, said("token"));
        if (post("/opened?g=" + gameId) != 204) {
            throw new AssertionError("the game does not take that it is open");
        }
        return this;
    }

    public int move(Object cell) throws Exception {
        return post("/move?g=" + gameId + "&i=" + cell);
    }

    /** The next state that is so; those before it were sent before that was true. */
    public JsonObject hears(Predicate<JsonObject> isSo) {
        while (true) {
            byte[] state = ((String) page.message()).getBytes(StandardCharsets.UTF_8);
            JsonObject read = JsonObject.of(JsonReader.read(state));
            if (isSo.test(read)) {
                return read;
            }
        }
    }

    /** The next state with this board. */
    public JsonObject hearsBoard(String board) {
        return hears(state -> state.text("board").equals(board));
    }

    /** The next state in which these are here. */
    public JsonObject hearsHere(boolean x, boolean o) {
        return hears(state -> state.object("here").members().equals(Map.of("X", x, "O", o)));
    }

    public HttpResponse<String> get(String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + path)).build();
        return http.send(request, HttpResponse.BodyHandlers.ofString());
    }

    public int post(String path) throws IOException, InterruptedException {
        return post(url + path, Map.of(), new byte[0]);
    }

    /** Posts to any address. */
    public int post(String address, Map<String, String> headers, byte[] body) throws IOException, InterruptedException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(address)).POST(BodyPublishers.ofByteArray(body));
        headers.forEach(request::header);
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString()).statusCode();
    }

    /** Closes the channel. */
    public void leave() {
        page.close();
        page = null;
    }

    @Override
    public void close() {
        if (page != null) {
            page.close();
        }
    }
}
