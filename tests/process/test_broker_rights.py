"""The county's broker as it is shipped: who is let in, and what each may read and write. A real mosquitto, real TLS."""

from __future__ import annotations

import queue
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from centre.broker import Broker
from centre.inbox import Arrival
from centre.link import Link, LinkChanged
from edge import wire
from edge.events import Acked, ReceiptCame, Stage
from tests.process.brokers import PATIENCE_S, Authority
from tests.process.gate import COUNTY, SCHOOL
from tests.process.links import ADDRESS, LinkUnderTest, press, receipt
from tests.process.rights import CENTRE, GATE, NEIGHBOUR, CountyBroker, RightsClient, context, lay_down

pytestmark = pytest.mark.process

Pair = tuple[Path, Path]
STOLEN = f"{COUNTY}/{SCHOOL}/stolen"


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("county"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def pairs(county: Authority) -> dict[str, Pair]:
    return {name: county.issue(name) for name in (GATE, NEIGHBOUR, CENTRE, STOLEN)}


@pytest.fixture(scope="module")
def broker(
    tmp_path_factory: pytest.TempPathFactory, county: Authority, pairs: dict[str, Pair]
) -> Iterator[CountyBroker]:
    directory = tmp_path_factory.mktemp("broker")
    lay_down(directory, county, county.issue("broker", host="IP:127.0.0.1"), pairs[STOLEN][0])
    with CountyBroker(directory) as running:
        yield running


@pytest.fixture
def gate(broker: CountyBroker, county: Authority, pairs: dict[str, Pair]) -> Iterator[RightsClient]:
    with RightsClient(broker.port, context(county.certificate, pairs[GATE])) as client:
        yield client


@pytest.fixture
def centre(broker: CountyBroker, county: Authority, pairs: dict[str, Pair]) -> Iterator[RightsClient]:
    with RightsClient(broker.port, context(county.certificate, pairs[CENTRE])) as client:
        yield client


# --- topics ------------------------------------------------------------------------------------------------------


def test_a_real_gate_and_a_real_centre_need_no_right_that_they_do_not_have(
    broker: CountyBroker, county: Authority, pairs: dict[str, Pair]
) -> None:
    heard: queue.Queue[Arrival | LinkChanged] = queue.Queue()
    tls = context(county.certificate, pairs[CENTRE])
    centre = Link(0, Broker("127.0.0.1", broker.port, None, None, tls), COUNTY, lambda: 0, heard.put)
    certificate, key = map(str, pairs[GATE])
    files = {"ca_file": str(county.certificate), "certificate_file": certificate, "private_key_file": key}
    centre.start()
    try:
        changed = heard.get(timeout=PATIENCE_S)
        assert isinstance(changed, LinkChanged)
        assert changed.up, changed.reason
        with LinkUnderTest(broker.port, tls=True, **files) as link:
            link.up()
            link.link.publish(press(1))
            assert link.inbox.wait_for(Acked)[0].reason == 0
            while not (
                isinstance(arrived := heard.get(timeout=PATIENCE_S), Arrival) and arrived.topic.endswith("alarm")
            ):
                pass
            centre.publish(ADDRESS.receipts, receipt(1))
            assert link.inbox.wait_for(ReceiptCame)[0].stage is Stage.RECEIVED
            assert centre.say(True) is not None
    finally:
        centre.close()


@pytest.mark.parametrize(
    "topic",
    [
        f"gate/{NEIGHBOUR}/alarm",
        f"gate/{NEIGHBOUR}/status",
        f"gate/{NEIGHBOUR}/down/receipt",
        f"gate/{GATE}/down/receipt",
        f"gate/{GATE}/down/command",
        f"gate/{COUNTY}/{SCHOOL}/north/alarm/more",
        f"gate/{COUNTY}/{SCHOOL}/northern/alarm",
        f"gate/{COUNTY}/another/north/alarm",
        f"gate/county-2/{SCHOOL}/north/alarm",
        f"centre/{COUNTY}/status",
        "$SYS/broker/log",
        "anything",
    ],
)
def test_a_gate_cannot_write_what_is_not_its_own(gate: RightsClient, centre: RightsClient, topic: str) -> None:
    centre.subscribe(f"gate/{COUNTY}/+/+/+")
    assert not gate.may_write(topic, retain=True)
    assert gate.may_write(f"gate/{GATE}/alarm", b"own")
    first = centre.next()
    while first.retain:  # the words of gates that were there before
        first = centre.next()
    assert (first.topic, first.payload) == (f"gate/{GATE}/alarm", b"own")


def test_a_gate_reads_only_what_is_for_it_and_the_centres_word(gate: RightsClient, centre: RightsClient) -> None:
    for topic in ("#", "$SYS/#", f"gate/{NEIGHBOUR}/#", f"gate/{NEIGHBOUR}/down/receipt", f"gate/{COUNTY}/+/+/+"):
        gate.subscribe(topic)
    assert centre.may_write(f"gate/{NEIGHBOUR}/down/receipt")
    assert centre.may_write(f"gate/{NEIGHBOUR}/down/command")
    assert gate.may_write(f"gate/{GATE}/alarm")
    assert centre.may_write(f"gate/{GATE}/down/receipt")
    assert centre.may_write(f"centre/{COUNTY}/status", b"last")
    heard = [gate.next()]
    while heard[-1].payload != b"last":
        heard.append(gate.next())
    assert {message.topic for message in heard} == {f"gate/{GATE}/down/receipt", f"centre/{COUNTY}/status"}


def test_the_centre_cannot_speak_as_a_gate(centre: RightsClient) -> None:
    for topic in (
        f"gate/{GATE}/alarm",
        f"gate/{GATE}/status",
        f"gate/{GATE}/down/other",
        "gate/county-2/s/g/down/command",
    ):
        assert not centre.may_write(topic)


def test_a_gates_last_will_cannot_speak_for_another(
    broker: CountyBroker, county: Authority, pairs: dict[str, Pair], gate: RightsClient, centre: RightsClient
) -> None:
    centre.subscribe(f"gate/{COUNTY}/+/+/status")
    forger = RightsClient(broker.port, context(county.certificate, pairs[NEIGHBOUR]), will=f"gate/{GATE}/status")
    if forger.let_in:  # then the broker must keep the will to itself
        forger.break_off()
        assert forger.ended.wait(PATIENCE_S)
    with RightsClient(
        broker.port, context(county.certificate, pairs[NEIGHBOUR]), will=f"gate/{NEIGHBOUR}/status"
    ) as honest:
        honest.break_off()
        heard = centre.next()
        while heard.retain:
            heard = centre.next()
        assert heard.topic == f"gate/{NEIGHBOUR}/status"


def test_a_gate_cannot_take_the_centres_session_by_calling_itself_so(
    broker: CountyBroker, county: Authority, pairs: dict[str, Pair]
) -> None:
    name = f"gatepost-centre-{COUNTY}"
    with RightsClient(broker.port, context(county.certificate, pairs[CENTRE]), name) as centre:
        for stolen in (name, CENTRE):
            with RightsClient(broker.port, context(county.certificate, pairs[NEIGHBOUR]), stolen) as thief:
                assert thief.may_write(f"gate/{NEIGHBOUR}/alarm")
        assert centre.may_write(f"gate/{GATE}/down/receipt")
        assert not centre.ended.is_set()


def test_the_largest_event_passes_and_a_larger_one_does_not(gate: RightsClient, centre: RightsClient) -> None:
    centre.subscribe(f"gate/{COUNTY}/+/+/picture")
    assert gate.may_write(f"gate/{GATE}/picture", bytes(wire.UP_BYTES_MAX))
    assert len(centre.next().payload) == wire.UP_BYTES_MAX
    gate.send(f"gate/{GATE}/picture", bytes(wire.UP_BYTES_MAX + 1))
    assert gate.may_write(f"gate/{GATE}/picture", b"after")
    assert centre.next().payload == b"after"


# --- certificates ------------------------------------------------------------------------------------------------


def refused(port: int, authority: Authority, pair: Pair | None) -> bool:
    client = RightsClient(port, context(authority.certificate, pair))
    try:
        return not client.let_in
    finally:
        client.close()


def test_without_a_certificate_nobody_is_let_in(broker: CountyBroker, county: Authority) -> None:
    assert refused(broker.port, county, None)


def test_a_certificate_of_another_authority_is_refused_though_it_has_a_gates_name(
    broker: CountyBroker, county: Authority, stranger: Authority
) -> None:
    assert refused(broker.port, county, stranger.issue(GATE))


def test_an_expired_certificate_is_refused(broker: CountyBroker, county: Authority) -> None:
    assert refused(broker.port, county, county.issue(f"{COUNTY}/{SCHOOL}/old", days=-1))


def test_a_revoked_certificate_is_refused(broker: CountyBroker, county: Authority, pairs: dict[str, Pair]) -> None:
    assert refused(broker.port, county, pairs[STOLEN])


def test_a_brokers_certificate_is_not_good_for_a_gate(broker: CountyBroker, county: Authority) -> None:
    assert refused(broker.port, county, county.issue(f"{COUNTY}/{SCHOOL}/server", host="IP:127.0.0.1"))


def test_with_its_neighbours_certificate_a_gate_has_its_neighbours_rights_and_no_others(
    broker: CountyBroker, county: Authority, pairs: dict[str, Pair]
) -> None:
    with RightsClient(broker.port, context(county.certificate, pairs[NEIGHBOUR]), GATE) as swapped:
        assert not swapped.may_write(f"gate/{GATE}/alarm")
        assert swapped.may_write(f"gate/{NEIGHBOUR}/alarm")


def test_a_name_with_a_wildcard_has_no_rights_at_all(broker: CountyBroker, county: Authority) -> None:
    pair = county.issue(f"{COUNTY}/+/+")
    with RightsClient(broker.port, context(county.certificate, pair)) as greedy:
        for topic in (f"gate/{GATE}/alarm", f"gate/{NEIGHBOUR}/alarm"):
            assert not greedy.may_write(topic)


def test_a_gate_refuses_a_broker_that_shows_a_gates_certificate(
    tmp_path: Path, county: Authority, pairs: dict[str, Pair]
) -> None:
    lay_down(tmp_path, county, pairs[NEIGHBOUR])
    certificate, key = map(str, pairs[GATE])
    files = {"ca_file": str(county.certificate), "certificate_file": certificate, "private_key_file": key}
    with CountyBroker(tmp_path) as false_broker, LinkUnderTest(false_broker.port, tls=True, **files) as link:
        assert "certificate that is refused" in link.refused().reason


# --- the port ----------------------------------------------------------------------------------------------------


def test_the_broker_opens_one_port_and_it_does_not_answer_in_plain_text(broker: CountyBroker) -> None:
    assert broker.process is not None
    opened = [one.laddr.port for one in psutil.Process(broker.process.pid).net_connections() if one.status == "LISTEN"]
    assert opened == [broker.port]
    client = RightsClient(broker.port, None)
    assert not client.let_in
    client.close()


@pytest.mark.parametrize(("most", "let_in"), [("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
def test_tls_is_spoken_from_version_1_2_on(
    broker: CountyBroker, county: Authority, pairs: dict[str, Pair], most: str, let_in: bool
) -> None:
    certificate, key = map(str, pairs[GATE])
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{broker.port}", most, "-cipher", "DEFAULT@SECLEVEL=0",
         "-CAfile", str(county.certificate), "-cert", certificate, "-key", key],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert (b"Verify return code: 0 (ok)" in done.stdout and b"Cipher is (NONE)" not in done.stdout) is let_in
