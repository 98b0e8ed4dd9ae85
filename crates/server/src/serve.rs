//! Running the server: configuration, log, node, listeners, and an orderly end.

use crate::{
    cli::{ConfigArgs, DevArgs, Failure, RecoveryArgs, ServeArgs, say},
    config::{Config, Overrides, Sources},
    demo, http, log, node,
    reload::Reload,
    samples, systemd, trace,
};
use delivery::{
    edge,
    presence::{self, Grace},
};
use protocol::limits;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time,
};

/// Where `dev` keeps its data unless told otherwise.
pub(crate) const DEV_DATA_DIR: &str = "downlink-data";

/// Connections that wait to be accepted: a reconnect storm comes all at once.
pub(crate) const BACKLOG: i32 = 4096;

/// After sockets were sent away, their clients have this long to end in order; sends are still taken.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// `downlink serve`.
pub(crate) fn production(args: &ServeArgs) -> Result<(), Failure> {
    let load = || load(&args.config, Vec::new(), false);
    run(&load()?, &load, &args.recovery, None)
}

/// `downlink dev`.
pub(crate) fn dev(args: DevArgs) -> Result<(), Failure> {
    let mut overrides = Vec::new();
    let chosen = args.config.data_dir.is_some()
        || args.config.config.is_some()
        || std::env::var_os("DOWNLINK_DATA_DIR").is_some();
    if !chosen {
        overrides.push(("data_dir", DEV_DATA_DIR.to_owned()));
    }
    let load = || load(&args.config, overrides.clone(), true);
    let mut config = load()?;
    // The application behind it hears of presence, unless the configuration names another place.
    if let Some(app) = args.app.as_deref().filter(|_| config.presence.url.is_none()) {
        config.presence.url = app.parse().ok();
    }
    run(&config, &load, &args.recovery, Some(&Dev { app: args.app }))
}

/// Reads the configuration from its file, the variables and the command line.
pub(crate) fn load(
    args: &ConfigArgs,
    mut overrides: Overrides,
    make_secrets: bool,
) -> Result<Config, Failure> {
    overrides.extend(args.listen.clone().map(|value| ("listen", value)));
    overrides.extend(args.data_dir.clone().map(|value| ("data_dir", value)));
    let sources = Sources {
        file: args.config.as_deref(),
        environment: &|name| std::env::var(name).ok().filter(|text| !text.is_empty()),
        overrides: &overrides,
        make_secrets,
    };
    Ok(Config::load(&sources)?)
}

/// What `dev` has beside the server.
struct Dev {
    /// The application behind it; without one, the start page and the demos are shown.
    app: Option<String>,
}

/// Runs until it is told to stop. `load` reads the configuration again.
fn run(
    config: &Config,
    load: &dyn Fn() -> Result<Config, Failure>,
    recovery: &RecoveryArgs,
    dev: Option<&Dev>,
) -> Result<(), Failure> {
    log::start(config).map_err(|sentence| Failure { code: crate::cli::BAD_CONFIG, sentence })?;
    config.keyring().map_err(|sentence| Failure { code: crate::cli::BAD_CONFIG, sentence })?;
    let app = dev.and_then(|dev| dev.app.as_deref()).map(http::proxy::App::new).transpose();
    let app = app.map_err(|sentence| Failure { code: crate::cli::BAD_CONFIG, sentence })?;
    let app = app.map(|app| if config.certificates.is_some() { app.behind_tls() } else { app });
    take_descriptors();
    let listeners = listeners(config)?;
    let address = listeners[0].local_addr().map_err(|error| taken(config.listen, &error))?;
    let admin = config.admin_listen.map(listen_for_operators).transpose()?;
    let node = node::build(config, recovery).map_err(Failure::new)?;
    let url = url(config, address);
    let start = dev.is_some().then(|| start_info(config, address, &url));
    let new_site = |start, app, with_operators| {
        http::Site::new(Arc::clone(&node.service), start, app, config.certificates.clone(), with_operators)
    };
    let site = new_site(start, app, admin.is_none());
    let admin_address = admin.as_ref().and_then(|listener| listener.local_addr().ok());
    let admin = admin.map(|listener| (listener, new_site(None, None, true)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
    let runtime = runtime.map_err(|error| Failure::new(format!("no runtime: {error}")))?;
    let telling = tell(&node, config, &runtime);
    runtime.spawn(samples::take(Arc::clone(&node.service)));
    if let Some(certificates) = &config.certificates {
        certificates.warn();
        runtime.spawn(Arc::clone(certificates).watch());
    }
    runtime.spawn(Arc::clone(&node.service.canary).fly());
    let (stop_traces, traces_stopped) = watch::channel(false);
    let traces = node.service.following.tracer.clone().map(|tracer| trace::send(tracer, traces_stopped));
    let traces = traces.transpose().map_err(Failure::new)?.map(|sending| runtime.spawn(sending));
    let (stop, stopped) = watch::channel(false);
    let serve = {
        let (site, listeners, admin) = (Arc::clone(&site), Arc::new(listeners), Arc::new(admin));
        move |edge: std::rc::Rc<edge::Edge>| {
            let doors = doors(edge.index(), &listeners, &site, (*admin).as_ref());
            http::serve(edge, doors, stopped.clone())
        }
    };
    let threads = edge::spawn(&node.service.hub, &node.edges, serve);
    let threads = threads.map_err(|error| Failure::new(format!("no thread to serve from: {error}")))?;
    if dev.is_some() {
        let operators = admin_address.map_or_else(|| url.clone(), |address| self::url(config, address));
        greet(config, &url, &operators);
    }
    // Whoever reads that it listens may stop it at once, and in order.
    let signals = Signals::take(&runtime);
    say(&format!("listening on {url}"));
    if let Some(address) = admin_address {
        say(&format!("operators are served on {}", self::url(config, address)));
    }
    systemd::tell(systemd::READY);
    let reload = Reload::new(config, load);
    runtime.block_on(until_stopped(&node, config.drain, telling, signals, &reload));
    let _ = stop.send(true);
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("an edge thread had panicked");
        }
    }
    runtime.block_on(node.service.broker().close());
    if let Some(traces) = traces {
        let _ = stop_traces.send(true);
        // What is left is told, if the collector is there.
        let _ = runtime.block_on(async { time::timeout(limits::SPANS_TIME, traces).await });
    }
    tracing::info!("stopped");
    Ok(())
}

/// What the start page of `dev` shows.
fn start_info(config: &Config, address: SocketAddr, url: &str) -> demo::StartInfo {
    let key = config.api_keys.for_everything().filter(|_| address.ip().is_loopback());
    demo::StartInfo {
        url: url.to_owned(),
        api_key: key.map(|key| key.expose().to_owned()),
        program: program(),
    }
}

/// Where the server is reached.
fn url(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.certificates.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// Watches who comes and goes, for other nodes that ask and for the application, which is told if it wants to know.
fn tell(node: &node::Node, config: &Config, runtime: &tokio::runtime::Runtime) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let notices = node.service.notices.clone();
    if notices.is_some() || node.service.presence.is_shared() {
        let grace = Grace {
            after_end: config.presence.grace,
            // Sockets were sent away, or lost, over this time; then each is on its way.
            after_start: config.drain + limits::PRESENCE_RETURN,
        };
        let sender = notices.clone();
        let recorded = move |ids| {
            if let Some(sender) = &sender {
                sender.recorded(ids);
            }
        };
        let (hub, store) = (Arc::clone(&node.service.hub), Arc::clone(&node.service.presence));
        tasks.spawn_on(presence::watch(hub, store, grace, recorded), runtime.handle());
    }
    if let Some(notices) = notices {
        tasks.spawn_on(notices.run(), runtime.handle());
    }
    tasks
}

/// What stops the server, from now on in order; and what has it read its configuration again.
struct Signals {
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn take(runtime: &tokio::runtime::Runtime) -> Option<Self> {
        let _entered = runtime.enter();
        let take = || {
            let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            io::Result::Ok(Self { hang_up: signal(SignalKind::hangup())?, terminate, interrupt })
        };
        take()
            .inspect_err(|error| {
                tracing::error!(%error, "signals cannot be received; stop the process with kill -9");
            })
            .ok()
    }
}

/// Ticks until a signal, then sends the sockets away.
async fn until_stopped(
    node: &node::Node,
    drain: Duration,
    mut telling: JoinSet<()>,
    signals: Option<Signals>,
    reload: &Reload<'_>,
) {
    let Some(Signals { mut hang_up, mut terminate, mut interrupt }) = signals else {
        return std::future::pending().await;
    };
    let mut ticks = time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let service = Arc::clone(&node.service);
                let ticked = tokio::task::spawn_blocking(move || service.broker().tick(service.now_ms())).await;
                if let Err(error) = ticked {
                    tracing::error!(%error, "keeping the journal's house failed");
                }
            }
            _ = hang_up.recv() => reload.again(node),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    systemd::tell(systemd::STOPPING);
    // Whoever is sent away now has not left.
    telling.shutdown().await;
    node.service.presence.leave(drain + limits::PRESENCE_RETURN).await;
    let sockets = node.service.hub.counters.open.total();
    tracing::info!(sockets, "stopping: sockets are told to come back");
    node.service.hub.drain(u32::try_from(drain.as_millis()).unwrap_or(u32::MAX));
    time::sleep(LAST_WORDS).await;
}

/// Sockets are descriptors: takes as many as the system gives.
fn take_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open descriptors could not be raised");
    }
    tracing::info!(descriptors = limit.maximum, "sockets and connections are limited by descriptors");
}

fn taken(address: SocketAddr, error: &io::Error) -> Failure {
    Failure::new(match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{address} is taken by another process; stop that one, or choose another address for this one"
        ),
        _ => format!("cannot listen on {address}: {error}"),
    })
}

/// What the edges listen on: the socket that systemd passed, for all of them, or else their own.
fn listeners(config: &Config) -> Result<Vec<TcpListener>, Failure> {
    let passed = systemd::listener();
    let passed = passed.map_err(|error| Failure::new(format!("the socket that was passed: {error}")))?;
    let Some(passed) = passed else {
        return listen(config.listen, config.edge_threads).map_err(|error| taken(config.listen, &error));
    };
    tracing::info!("serving the socket that was passed; `listen` does not count");
    let share = || {
        for_all_connections(&SockRef::from(&passed))?;
        passed.set_nonblocking(true)?;
        (0..config.edge_threads).map(|_| passed.try_clone()).collect::<io::Result<_>>()
    };
    share().map_err(|error| Failure::new(format!("the socket that was passed: {error}")))
}

/// What operators connect to. There are few of them: one edge serves them.
fn listen_for_operators(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listeners = listen(address, 1).map_err(|error| taken(address, &error))?;
    listeners.into_iter().next().ok_or_else(|| Failure::new("there is no edge"))
}

/// The doors of an edge.
fn doors(
    edge: u16,
    listeners: &[TcpListener],
    site: &Arc<http::Site>,
    admin: Option<&(TcpListener, Arc<http::Site>)>,
) -> io::Result<Vec<http::Door>> {
    let public = [(&listeners[usize::from(edge)], site)].into_iter();
    let admin = admin.filter(|_| edge == 0).map(|(listener, site)| (listener, site));
    let doors = public.chain(admin);
    doors
        .map(|(listener, site)| Ok(http::Door { listener: listener.try_clone()?, site: Arc::clone(site) }))
        .collect()
}

/// One listening descriptor for each edge; the kernel spreads connections over them.
fn listen(address: SocketAddr, edges: u16) -> io::Result<Vec<TcpListener>> {
    let mut address = address;
    let mut listeners = Vec::new();
    for _ in 0..edges {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if edges > 1 {
            socket.set_reuse_port(true)?;
        }
        socket.set_nonblocking(true)?;
        for_all_connections(&SockRef::from(&socket))?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let listener: TcpListener = socket.into();
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// What connections inherit from the listener, so that no system call is spent on each.
fn for_all_connections(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    // A poll that waits has nothing to say that could go unanswered; so the kernel asks whether its client is there.
    let keepalive =
        TcpKeepalive::new().with_time(limits::TCP_KEEPALIVE).with_interval(limits::TCP_KEEPALIVE / 3);
    socket.set_tcp_keepalive(&keepalive.with_retries(2))?;
    socket.set_tcp_user_timeout(Some(limits::TCP_USER_TIMEOUT))?;
    socket.set_send_buffer_size(limits::SEND_BUFFER_BYTES)
}

/// How this program is called from here: by its name if the shell finds it, else by its path.
fn program() -> String {
    let name = || "downlink".to_owned();
    let Ok(path) = std::env::current_exe() else { return name() };
    let on_path = std::env::var_os("PATH")
        .is_some_and(|places| std::env::split_paths(&places).any(|place| place.join("downlink") == path));
    if on_path {
        return name();
    }
    let here = std::env::current_dir().ok();
    let relative = here.and_then(|here| path.strip_prefix(here).ok().map(|rest| rest.display().to_string()));
    relative.unwrap_or_else(|| path.display().to_string())
}

/// The first message, ready to be copied.
fn greet(config: &Config, url: &str, operators: &str) {
    let program = program();
    let key = config.api_keys.for_everything().map_or("…", |key| key.expose());
    let secret = config.presence.secrets.first().map_or("", |secret| secret.expose());
    say(&format!(
        "\n  Downlink is running.   Open {url} in a browser.\n\n  \
         To look inside:\n    console: {operators}/console#key={key}\n\n  \
         For your application:\n    export DOWNLINK_URL={url}\n    export DOWNLINK_API_KEY={key}\n    \
         export DOWNLINK_PRESENCE_SECRET={secret}\n\n  \
         The first message, in a second window:\n    {program} listen ada\n  and in a third:\n    \
         curl -X POST {url}/v1/channels/ada/messages -H 'Authorization: Bearer {key}' -H 'Content-Type: text/plain' -d 'hello'\n"
    ));
}
