"""Brokers that want a password or a certificate: librdkafka's properties are passed through, and no secret is ever in tarn.yaml or in an output."""
import subprocess

import pytest

import events
from broker import Broker
from client import Client, point_to

SASL = {"security.protocol": "sasl_plaintext", "sasl.mechanisms": "PLAIN", "sasl.username": "ada"}
CONFIGURATION = """\
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_ada="s3cret";
listener.name.ssl.ssl.keystore.type=PEM
listener.name.ssl.ssl.keystore.location={folder}/server.pem
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A broker with a listener for passwords and one for TLS, its certificate, and a topic of ten events."""
    folder = tmp_path_factory.mktemp("guarded")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"], check=True, capture_output=True)
    (folder / "server.pem").write_bytes((folder / "key.pem").read_bytes() + (folder / "certificate.pem").read_bytes())
    broker = Broker(folder / "broker", more=CONFIGURATION.format(folder=folder), protocols=("SASL_PLAINTEXT", "SSL")).start()
    client = Client(broker)
    client.create("guarded")
    client.send("guarded", [events.event(f"e{number}") for number in range(10)])
    yield broker, folder / "certificate.pem"
    broker.kill()


def project_with(new_project, guarded, protocol, **properties):
    return point_to(new_project(), guarded[0].addresses[protocol], "guarded", timeout="5s", kafka=properties)


def test_a_password_of_the_environment(new_project, guarded, run_report):
    project = project_with(new_project, guarded, "SASL_PLAINTEXT", **SASL, **{"sasl.password": "${KAFKA_PASSWORD}"})
    assert run_report(project, env={"KAFKA_PASSWORD": "s3cret"})["counts"]["received"] == 10


def test_a_password_in_a_file(new_project, guarded, run_report, tmp_path):
    (tmp_path / "password").write_text("s3cret\n")
    project = project_with(new_project, guarded, "SASL_PLAINTEXT", **SASL, **{"sasl.password": f"${{file:{tmp_path}/password}}"})
    assert run_report(project)["counts"]["received"] == 10


def test_a_wrong_password(new_project, guarded, tarn):
    project = project_with(new_project, guarded, "SASL_PLAINTEXT", **SASL, **{"sasl.password": "${KAFKA_PASSWORD}"})
    failed = tarn("run", "-C", project, env={"KAFKA_PASSWORD": "hunter2"}, check=False)
    assert failed.returncode == 3 and "uthentication" in failed.stderr
    assert "hunter2" not in failed.stderr + failed.stdout
    for report in (project / "telecom.duckdb.d").rglob("*"):
        assert report.is_dir() or b"hunter2" not in report.read_bytes()


def test_a_variable_that_is_not_set(new_project, guarded, tarn):
    project = project_with(new_project, guarded, "SASL_PLAINTEXT", **SASL, **{"sasl.password": "${KAFKA_PASSWORD}"})
    failed = tarn("run", "-C", project, check=False)
    assert failed.returncode == 2 and "sasl.password: the environment has no variable KAFKA_PASSWORD" in failed.stderr


def test_a_secret_in_the_project_is_refused(new_project, guarded, tarn):
    project = project_with(new_project, guarded, "SASL_PLAINTEXT", **SASL, **{"sasl.password": "s3cret"})
    failed = tarn("validate", "-C", project, check=False)
    assert failed.returncode == 2 and "a secret does not belong into tarn.yaml" in failed.stderr


def test_tls(new_project, guarded, run_report, tarn):
    tls = {"security.protocol": "ssl", "ssl.ca.location": str(guarded[1])}
    assert run_report(project_with(new_project, guarded, "SSL", **tls))["counts"]["received"] == 10


def test_a_certificate_of_somebody_else(new_project, guarded, tarn):
    project = project_with(new_project, guarded, "SSL", **{"security.protocol": "ssl"})
    failed = tarn("run", "-C", project, check=False)
    assert failed.returncode == 3 and "certificate" in failed.stderr


def test_example_events_with_a_password(guarded, tarn):
    options = [word for name, value in {**SASL, "sasl.password": "${KAFKA_PASSWORD}"}.items() for word in ("--kafka", f"{name}={value}")]
    target = f"kafka://{guarded[0].addresses['SASL_PLAINTEXT']}/generated"
    done = tarn("generate", "--events", "50", "--to", target, *options, env={"KAFKA_PASSWORD": "s3cret"})
    assert "50 events" in done.stderr
    assert len(Client(guarded[0]).read("generated")) == 50
