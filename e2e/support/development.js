// A client of the old development wire, as such clients are: it asks twice a second, by plain requests.

/* exported developmentSocket */

/** Opens a channel; `on` has the four handlers, and gets `close` and what `state` it is in. */
function developmentSocket(token, on) {
  var client = "";
  var timer;
  var socket = { state: 0, close: close };

  function ask(command, then, later) {
    var request = new XMLHttpRequest();
    // The token goes unescaped, as it did.
    var address = "/_ah/channel/dev?command=" + command + "&channel=" + token + (client && "&client=" + client);
    request.open("GET", address, later !== false);
    request.onreadystatechange = function () {
      if (request.readyState === 4 && then) then(request);
    };
    request.send();
  }

  function fail(request) {
    if (socket.state === 3) return;
    socket.state = 3;
    clearTimeout(timer);
    on.onerror({ description: request.statusText, code: request.status });
    on.onclose();
  }

  function poll() {
    ask("poll", function (request) {
      if (socket.state !== 1) return;
      if (request.status !== 200) return fail(request);
      if (request.responseText.length) on.onmessage({ data: request.responseText });
      timer = setTimeout(poll, 500);
    });
  }

  function close() {
    socket.state = 2;
    clearTimeout(timer);
    ask("disconnect", function () {
      socket.state = 3;
      on.onclose();
    });
  }

  window.addEventListener("beforeunload", function () {
    try {
      if (socket.state === 1) ask("disconnect", null, false);
    } catch (e) { /* Some browsers refuse to wait while a page goes. */ }
  });

  ask("connect", function (request) {
    if (request.status !== 200) return fail(request);
    client = request.responseText;
    socket.state = 1;
    on.onopen();
    timer = setTimeout(poll, 500);
  });
  return socket;
}
