"""Topics and records for tests, and projects that read them."""
import itertools
import json
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

PATIENCE = 60


class Client:
    """Topics and records by librdkafka itself, without Tarn's code."""

    def __init__(self, broker):
        self.broker = broker
        self.servers = {"bootstrap.servers": broker.address}
        self.admin = AdminClient(self.servers)
        self.producer = self.new_producer()
        self.numbers = itertools.count()

    def new_producer(self, **settings):
        return Producer({**self.servers, "linger.ms": 5, "queue.buffering.max.messages": 500000, **settings})

    def create(self, topic=None, partitions=4, **config):
        topic = topic or f"events-{next(self.numbers)}"
        settings = {name.replace("_", "."): str(value) for name, value in config.items()}
        self.admin.create_topics([NewTopic(topic, partitions, 1, config=settings)])[topic].result(PATIENCE)
        self.wait_for(lambda: len(self.metadata(topic)) == partitions)
        return topic

    def metadata(self, topic):
        found = self.admin.list_topics(topic, timeout=PATIENCE).topics[topic]
        return {} if found.error else found.partitions

    def delete(self, topic):
        self.admin.delete_topics([topic])[topic].result(PATIENCE)
        self.wait_for(lambda: topic not in self.admin.list_topics(timeout=PATIENCE).topics)

    def add_partitions(self, topic, count):
        self.admin.create_partitions([NewPartitions(topic, count)])[topic].result(PATIENCE)
        self.wait_for(lambda: len(self.metadata(topic)) == count)
        self.producer = self.new_producer()  # the old one would learn of them in its own time

    def configure(self, topic, **config):
        settings = {name.replace("_", "."): str(value) for name, value in config.items()}
        resource = ConfigResource("topic", topic, set_config=settings)
        self.admin.alter_configs([resource])[resource].result(PATIENCE)

    def delete_records(self, topic, partition, before, folder):
        """As retention does: the records below the offset are gone."""
        file = folder / "delete.json"
        file.write_text(json.dumps({"partitions": [{"topic": topic, "partition": partition, "offset": before}], "version": 1}))
        self.broker.java("org.apache.kafka.tools.DeleteRecordsCommand", "--bootstrap-server", self.broker.address, "--offset-json-file", str(file))

    def send(self, topic, values, partition=None, key=None, headers=None):
        """Values are bytes, text, objects (as JSON) or None (a tombstone); returns when all are acknowledged."""
        where = {} if partition is None else {"partition": partition}
        failed = []
        for value in values:
            data = value if value is None or isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value)
            while True:
                try:
                    self.producer.produce(topic, data, key=key, headers=headers, on_delivery=lambda e, m: failed.append(e) if e else None, **where)
                    break
                except BufferError:
                    self.producer.poll(0.1)
        self.producer.flush(PATIENCE)
        assert not failed, failed

    def transactional(self, name):
        producer = Producer({**self.servers, "transactional.id": name})
        producer.init_transactions(PATIENCE)
        return producer

    def watermarks(self, topic):
        """(low, high) of each partition."""
        consumer = Consumer({**self.servers, "group.id": "watermarks"})
        found = [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=PATIENCE) for p in sorted(self.metadata(topic))]
        consumer.close()
        return found

    def committed(self, group, topic):
        consumer = Consumer({**self.servers, "group.id": group})
        found = consumer.committed([TopicPartition(topic, p) for p in sorted(self.metadata(topic))], timeout=PATIENCE)
        consumer.close()
        return [part.offset for part in found]

    def read(self, topic):
        """Every record of the topic now, as messages."""
        consumer = Consumer({**self.servers, "group.id": "reader", "enable.partition.eof": True, "enable.auto.commit": False})
        left = {p for p in self.metadata(topic)}
        consumer.assign([TopicPartition(topic, p, 0) for p in left])
        messages = []
        while left:
            message = consumer.poll(PATIENCE)
            assert message is not None, f"{topic} does not end"
            if message.error():
                left.discard(message.partition())
            else:
                messages.append(message)
        consumer.close()
        return messages

    @staticmethod
    def wait_for(condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "what was waited for did not come"
            time.sleep(0.02)


def point_to(project, address, topics, **source):
    """Makes Kafka topics the source of a telecom project; source: further keys below `source:`."""
    file = project / "tarn.yaml"
    text = file.read_text()
    begin, end = text.index("source:"), text.index("bronze:")
    block = {"kind": "kafka", "brokers": [address], "topics": [topics] if isinstance(topics, str) else topics, "timeout": "20s", **source}
    file.write_text(text[:begin] + "source: " + json.dumps(block) + "\n\n" + text[end:])
    return project
