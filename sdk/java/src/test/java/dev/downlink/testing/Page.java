package dev.downlink.testing;

import dev.downlink.internal.JsonObject;
import dev.downlink.internal.JsonReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Listens to a channel as a page does, over streamed lines. */
public final class Page implements AutoCloseable {
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final int PATIENCE_SECONDS = 15;

    private final InputStream stream;
    private final BlockingQueue<Optional<JsonObject>> frames = new LinkedBlockingQueue<>();

    /** Opens a socket with a token. */
    public Page(String url, String token) {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v1/socket"))
                .header("Authorization", "Bearer " + token)
                .header("Accept", "application/x-ndjson")
                .version(HttpClient.Version.HTTP_1_1)
                .build();
        HttpResponse<InputStream> response;
        try {
            response = HTTP.send(request, HttpResponse.BodyHandlers.ofInputStream());
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        } catch (InterruptedException interruption) {
            throw new IllegalStateException(interruption);
        }
        stream = response.body();
        if (response.statusCode() != 200) {
            throw new NotOpened(response.statusCode());
        }
        Thread reading = new Thread(this::read);
        reading.setDaemon(true);
        reading.start();
        JsonObject first = next();
        if (!first.has("type") || !first.text("type").equals("open")) {
            throw new AssertionError("the first frame is the open frame, not " + first.members());
        }
    }

    /** The next message: a text, or a {@code byte[]}. */
    public Object message() {
        while (true) {
            JsonObject frame = next();
            if (frame.has("data")) {
                return frame.text("data");
            }
            if (frame.has("base64")) {
                return Base64.getDecoder().decode(frame.text("base64"));
            }
            if (!frame.has("type") || !frame.text("type").equals("ping")) {
                throw new AssertionError("unexpected frame " + frame.members());
            }
        }
    }

    /** The next messages, all of them text. */
    public List<String> texts(int count) {
        List<String> texts = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            texts.add((String) message());
        }
        return texts;
    }

    /** The code with which the server ends the socket, which is the next that is heard. */
    public long closeCode() {
        JsonObject frame = next();
        while (frame.has("type") && frame.text("type").equals("ping")) {
            frame = next();
        }
        return frame.number("code");
    }

    /** Goes away. */
    @Override
    public void close() {
        try {
            stream.close();
        } catch (IOException alreadyGone) {
            // That is what was asked for.
        }
    }

    private JsonObject next() {
        try {
            Optional<JsonObject> frame = frames.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
            if (frame == null) {
                throw new AssertionError("nothing was heard");
            }
            return frame.orElseThrow(() -> new AssertionError("the socket ended"));
        } catch (InterruptedException interruption) {
            throw new IllegalStateException(interruption);
        }
    }

    private void read() {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                byte[] json = line.getBytes(StandardCharsets.UTF_8);
                frames.add(Optional.of(JsonObject.of(JsonReader.read(json))));
            }
        } catch (IOException closed) {
            // By either side.
        }
        frames.add(Optional.empty());
    }

    /** The server refused the socket. */
    public static final class NotOpened extends AssertionError {
        private static final long serialVersionUID = 1L;
        private final int status;

        private NotOpened(int status) {
            super("not opened: " + status);
            this.status = status;
        }

        public int status() {
            return status;
        }
    }
}
