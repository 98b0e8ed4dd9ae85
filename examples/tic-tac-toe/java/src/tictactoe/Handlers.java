package tictactoe;

import com.google.appengine.api.channel.ChannelMessage;
import com.google.appengine.api.channel.ChannelService;
import com.google.appengine.api.channel.ChannelServiceFactory;
import dev.downlink.DownlinkException;
import dev.downlink.Notice;
import dev.downlink.Notices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The application's side of the game, as one of the App Engine time had it. */
final class Handlers {
    private final ChannelService channelService = ChannelServiceFactory.getChannelService();
    private final Games games = new Games();
    private final Path page;

    Handlers(Path page) {
        this.page = page;
    }

    /** Answers one request. */
    Response answer(Request request) throws IOException {
        if (request.body.length > Request.BODY_BYTES_MAX) {
            return Response.refusal(413, "That is too long.");
        }
        switch (request.line) {
            case "GET /":
                return mainPage(request);
            case "POST /opened":
                return forPlayer(request, (game, player) -> {});
            case "POST /move":
                return move(request);
            case "POST /_ah/channel/connected/":
            case "POST /_ah/channel/disconnected/":
                return presence(request);
            default:
                return Response.refusal(404, "There is nothing here.");
        }
    }

    /** Gives a seat at the game, and a page with the token of the player's channel. */
    private Response mainPage(Request request) throws IOException {
        // Stands for the login that a real application has.
        String cookie = "user=" + request.user + "; Path=/; HttpOnly; SameSite=Lax";
        if (!request.has("g")) {
            return new Response(303, "")
                    .with("Location", "/?g=" + Request.randomLetters(10))
                    .with("Set-Cookie", cookie);
        }
        if (request.gameId().isEmpty()) {
            return Response.refusal(400, "A game's name has letters and digits only.");
        }
        Game game = games.getOrMake(request.gameId());
        String mark;
        synchronized (game) {
            mark = game.join(request.clientId());
        }
        String token = mark.isEmpty() ? "" : channelService.createChannel(request.clientId());
        String html = Files.readString(page)
                .replace("{{token}}", token)
                .replace("{{mark}}", mark)
                .replace("{{game}}", request.gameId());
        return new Response(200, html)
                .with("Content-Type", "text/html; charset=utf-8")
                // The page holds a token.
                .with("Cache-Control", "no-store")
                .with("Set-Cookie", cookie);
    }

    /** A player puts a mark into a cell. */
    private Response move(Request request) {
        String cell = request.value("i");
        if (!cell.matches("[0-8]")) {
            return Response.refusal(400, "A cell is a number from 0 to 8.");
        }
        return forPlayer(request, (game, player) -> game.move(player, Integer.parseInt(cell)));
    }

    /** Lets one of the two players act, and tells both how the game stands then. */
    private Response forPlayer(Request request, Act act) {
        Game game = games.get(request.gameId());
        if (game == null) {
            return Response.refusal(404, "There is no such game.");
        }
        synchronized (game) {
            Game.Player player = game.player(request.clientId());
            if (player == null) {
                return Response.refusal(403, "You do not play in this game.");
            }
            try {
                act.by(game, player);
            } catch (Refused reason) {
                return Response.refusal(400, reason.getMessage());
            }
            tellBoth(game);
        }
        return Response.done();
    }

    /** Downlink says that a player came or went. */
    private Response presence(Request request) {
        Notice notice;
        try {
            notice = Notices.verify(request.headers, request.body);
        } catch (DownlinkException.InvalidNotice refusal) {
            return Response.refusal(403, refusal.getMessage());
        }
        String clientId = notice.clientId();
        Game game = games.get(clientId.substring(clientId.lastIndexOf('-') + 1));
        if (game != null) {
            synchronized (game) {
                notePresence(game, notice);
            }
        }
        // Also for a game that is gone, or the notice would come again and again.
        return Response.done();
    }

    /** Keeps what the notice says, unless a newer one said otherwise, and tells both players. */
    private void notePresence(Game game, Notice notice) {
        Game.Player player = game.player(notice.clientId());
        if (player != null && notice.generation() > player.generation) {
            player.here = notice.connected();
            tellBoth(game);
            // Last: if telling failed, the notice comes again, and must count again.
            player.generation = notice.generation();
        }
    }

    /** Sends the state over both channels. */
    private void tellBoth(Game game) {
        for (Game.Player player : game.players()) {
            channelService.sendMessage(new ChannelMessage(player.clientId, game.state()));
        }
    }

    /** What a player does. */
    private interface Act {
        void by(Game game, Game.Player player) throws Refused;
    }
}
