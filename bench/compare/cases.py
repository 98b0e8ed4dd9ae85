"""What is measured: a name, the measure of `downlink bench`, its options, and the figure that is compared."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    measure: str
    sockets: int
    figure: str
    unit: str
    options: tuple = ()
    # What a server must have: "batch" (a call for many messages), or "downlink" (what only Downlink has).
    needs: str = ""
    # Whether the variants of Downlink that differ in what a send costs are measured as well.
    sends: bool = False


CASES = [
    Case("idle", "memory of an idle socket, 10,000 open", "idle", 10_000, "resident_bytes_per_socket", "bytes"),
    Case("connect", "opening a socket, its token verified: CPU", "connect", 10_000, "server_cpu_us_per_socket", "µs"),
    Case("unicast-1000", "one POST to one of 1,000 sockets: CPU", "unicast", 1_000, "server_cpu_us_per_message", "µs",
         sends=True),
    Case("unicast-10000", "one POST to one of 10,000 sockets: CPU", "unicast", 10_000, "server_cpu_us_per_message",
         "µs"),
    Case("batch-10", "ten messages a call: CPU for each", "batch", 1_000, "server_cpu_us_per_message", "µs",
         ("--batch", "10"), needs="batch", sends=True),
    Case("lines-100", "a body of 100 lines (NDJSON): CPU for each", "batch", 1_000, "server_cpu_us_per_message", "µs",
         ("--batch", "100", "--lines"), needs="downlink"),
    Case("fan-out-1000", "one message to 1,000 sockets: CPU for each", "fan-out", 1_000, "server_cpu_us_per_delivery",
         "µs"),
    Case("fan-out-10000", "one message to 10,000 sockets: CPU for each", "fan-out", 10_000,
         "server_cpu_us_per_delivery", "µs"),
    Case("ids-10000", "one message to a list of 10,000 ids: CPU for each", "fan-out", 10_000,
         "server_cpu_us_per_delivery", "µs", ("--ids",), needs="downlink"),
    Case("latency", "send to receive at 1,000/s, median", "latency", 1_000, "latency_p50_us", "µs",
         ("--rate", "1000"), sends=True),
]
