// The server that one writes for oneself: a set of sockets for each channel, no keys, nothing kept.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const channels = new Map();
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
const channelOf = (url) => new URL(url, "http://localhost").searchParams.get("channel");

function publish(channel, text) {
  for (const socket of channels.get(channel) ?? []) socket.send(text);
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString();
    if (request.url === "/batch") {
      for (const [channel, text] of JSON.parse(body)) publish(channel, text);
    } else {
      publish(channelOf(request.url), body);
    }
    response.writeHead(202, { "Content-Length": 0 }).end();
  });
});

server.on("upgrade", (request, connection, head) => {
  const channel = channelOf(request.url);
  sockets.handleUpgrade(request, connection, head, (socket) => {
    if (!channels.has(channel)) channels.set(channel, new Set());
    channels.get(channel).add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      channels.get(channel).delete(socket);
      if (channels.get(channel).size === 0) channels.delete(channel);
    });
  });
});

server.keepAliveTimeout = 3_600_000;
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
