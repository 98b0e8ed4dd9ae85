package progress;

/** What the application answers. */
final class Answer {
    final int status;
    final String type;
    final String body;

    Answer(int status, String type, String body) {
        this.status = status;
        this.type = type;
        this.body = body;
    }

    static Answer json(String body) {
        return new Answer(200, "application/json", body);
    }

    /** Says why not; the page shows it. */
    static Answer refusal(int status, String why) {
        return new Answer(status, "text/plain; charset=utf-8", why);
    }
}
