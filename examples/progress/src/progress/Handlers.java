package progress;

import com.sun.net.httpserver.HttpExchange;
import dev.downlink.DownlinkClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Answers the page: starts jobs, cancels them, and says how to follow one. */
final class Handlers {
    private static final long BELOW_MAX = 5_000_000_000L;
    private static final int JOBS_MAX = 1_000;
    private static final int AT_ONCE = 2;
    private static final int WAITING_MAX = 100;
    private static final Pattern JOB = Pattern.compile("(GET|POST) /jobs/([0-9a-f-]{36})(/cancel)?");
    private static final Map<String, String> FILES = Map.of(
            "GET /", "page/index.html",
            "GET /look/look.css", "../look/look.css",
            "GET /look/look.js", "../look/look.js",
            "GET /look/icon.svg", "../look/icon.svg");

    private final DownlinkClient client = DownlinkClient.create(); // DOWNLINK_URL, DOWNLINK_API_KEY
    private final ThreadPoolExecutor workers = new ThreadPoolExecutor(
            AT_ONCE, AT_ONCE, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING_MAX));

    /** By their ids; the oldest makes room. */
    private final Map<String, Job> jobs = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Job> eldest) {
            return size() > JOBS_MAX;
        }
    };

    Answer answer(HttpExchange exchange) throws IOException {
        String line = exchange.getRequestMethod() + " " + exchange.getRequestURI().getRawPath();
        if (FILES.containsKey(line)) {
            return file(FILES.get(line));
        }
        if (line.equals("POST /jobs")) {
            byte[] body = exchange.getRequestBody().readNBytes(1024);
            return start(new String(body, StandardCharsets.UTF_8));
        }
        Matcher matcher = JOB.matcher(line);
        if (!matcher.matches()) {
            return Answer.refusal(404, "There is nothing here.");
        }
        Job job = get(matcher.group(2));
        if (job == null) {
            return Answer.refusal(404, "This job is gone. Start another one.");
        }
        if (line.startsWith("POST") && line.endsWith("/cancel")) {
            job.cancel();
            return new Answer(204, "text/plain", "");
        }
        return follow(job);
    }

    /** How far the job is, and a token for what comes. In this order nothing is missed: first the token, then the state. */
    private Answer follow(Job job) {
        String token = client.createChannel(job.clientId()).token();
        return Answer.json("{\"token\":\"" + token + "\",\"state\":" + job.state() + "}");
    }

    private Answer start(String body) {
        Matcher matcher = Pattern.compile("\\{\"below\":([0-9]{1,10})\\}").matcher(body);
        long below = matcher.matches() ? Long.parseLong(matcher.group(1)) : 0;
        if (below < 10 || below > BELOW_MAX) {
            return Answer.refusal(400, "Choose a number from 10 to " + BELOW_MAX + ".");
        }
        Job job = new Job(client, below);
        put(job);
        try {
            workers.execute(job);
        } catch (RejectedExecutionException full) {
            return Answer.refusal(503, "Too many jobs are waiting; try again later.");
        }
        return Answer.json("{\"id\":\"" + job.id + "\"}");
    }

    private static Answer file(String name) throws IOException {
        String extension = name.substring(name.lastIndexOf('.') + 1);
        Map<String, String> types = Map.of(
                "html", "text/html; charset=utf-8", "css", "text/css", "js", "text/javascript", "svg", "image/svg+xml");
        return new Answer(200, types.get(extension), Files.readString(Path.of(name)));
    }

    private Job get(String id) {
        synchronized (jobs) {
            return jobs.get(id);
        }
    }

    private void put(Job job) {
        synchronized (jobs) {
            jobs.put(job.id, job);
        }
    }
}
