#!/usr/bin/env python3
"""A real Apache Kafka broker on the loopback: broker.py [--port PORT] [--data FOLDER]

One process that is broker and controller (KRaft), with small buffers and a small heap, its jars from Maven Central (pom.xml beside this file), Java 17.
As a program it runs until Ctrl-C and keeps its data; tests start their own (class Broker) on free ports in folders that go with them."""
import argparse
import fcntl
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
JARS = HERE.parent.parent / "build" / "kafka-broker"
PATIENCE = 90  # seconds until a broker that does not come up is a failure
HEAP = "320m"
CLUSTER_ID = "tarn-tests-0000000000A"

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{more_listeners}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{more_listeners}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}/log
num.partitions=4
num.network.threads=2
num.io.threads=2
num.replica.fetchers=1
background.threads=2
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=2097152
log.cleaner.backoff.ms=100
message.max.bytes=20000000
socket.request.max.bytes=40000000
{more}
"""

LOGGING = """\
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n
"""


def fetch_jars():
    """Once; workers that come at the same time wait for the first."""
    JARS.parent.mkdir(parents=True, exist_ok=True)
    stamp = JARS / ".pom.xml"
    with (JARS.parent / "kafka-broker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_bytes() == (HERE / "pom.xml").read_bytes():
            return
        shutil.rmtree(JARS, ignore_errors=True)
        done = subprocess.run(["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies", "-DincludeScope=runtime",
                               f"-DoutputDirectory={JARS}"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"Maven could not fetch Kafka:\n{done.stdout}{done.stderr}")
        shutil.copy(HERE / "pom.xml", stamp)


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Broker:
    """A broker and its data. It can be stopped, killed and started again on the same port."""

    def __init__(self, folder, port=None, more="", protocols=()):
        """more: further lines of server.properties; protocols: further listeners, such as SASL_PLAINTEXT and SSL."""
        fetch_jars()
        self.folder = pathlib.Path(folder)
        self.port, controller, *others = free_ports(2 + len(protocols))
        self.addresses = {protocol: f"127.0.0.1:{other}" for protocol, other in zip(protocols, others)}
        self.port = port or self.port
        self.address = f"127.0.0.1:{self.port}"
        self.process = None
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "log4j.properties").write_text(LOGGING)
        more_listeners = "".join(f",{protocol}://{address}" for protocol, address in self.addresses.items())
        (self.folder / "server.properties").write_text(
            PROPERTIES.format(port=self.port, controller=controller, data=self.folder, more=more, more_listeners=more_listeners))
        if not (self.folder / "log" / "meta.properties").exists():
            self.java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self.folder / "server.properties"))

    def command(self, main_class, *arguments):
        return ["java", f"-Xmx{HEAP}", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
                f"-Dlog4j.configuration=file:{self.folder}/log4j.properties", "-cp", f"{JARS}/*", main_class, *arguments]

    def java(self, main_class, *arguments):
        """Runs one of Kafka's tools to its end."""
        done = subprocess.run(self.command(main_class, *arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{main_class}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(self.command("kafka.Kafka", str(self.folder / "server.properties")), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        return self.wait_ready()

    def wait_ready(self):
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.02)  # how often the port is asked, not how long is waited
        raise RuntimeError(f"the broker is not up (exit {self.process.poll()}):\n{(self.folder / 'broker.log').read_text(errors='replace')[-4000:]}")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=int(os.environ.get("KAFKA_PORT", 9092)))
    parser.add_argument("--data", default=str(JARS.parent / "kafka-data"))
    options = parser.parse_args()
    broker = Broker(options.data, port=options.port).start()
    print(f"Kafka is up on {broker.address}; its data is in {options.data}. Ctrl-C stops it.\n\n"
          f"  build/tarn generate --events 100000 --to kafka://{broker.address}/events\n"
          f"  KAFKA_BROKERS={broker.address} KAFKA_TOPIC=events  with `source: {{kind: kafka}}` in tarn.yaml reads it\n", flush=True)
    try:
        broker.process.wait()
    except KeyboardInterrupt:
        broker.stop()
    return broker.process.returncode


if __name__ == "__main__":
    sys.exit(main())
