"""What a person gets wrong at the command line is named, with what would fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillyard.base.errors import DrillyardError, SettingError
from drillyard.yard import manifests
from drillyard.yard.home import YardFolder, home, yard_folder
from drillyard.yard.images import SERVICES
from drillyard.yard.lifecycle import UpOptions
from drillyard.yard.state import YardLock, YardState


@pytest.mark.parametrize("name", ["", "Upper", "a_b", "../x", "a" * 33, "-a", "a-", "ä"])
def test_a_name_that_is_no_dns_label_is_refused(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DRILLYARD_HOME", str(tmp_path))
    with pytest.raises(SettingError, match="no name for a yard"):
        yard_folder(name)


def test_a_home_that_cannot_be_made_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DRILLYARD_HOME", str(tmp_path / "file" / "below"))
    with pytest.raises(DrillyardError, match="cannot be made"):
        home()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("payment.DECLINE_OVER", "SERVICE.KEY=VALUE"),
        ("DECLINE_OVER=5", "SERVICE.KEY=VALUE"),
        ("payment.decline=5", "SERVICE.KEY=VALUE"),
        ("payments.DECLINE_OVER=5", "There are: front-end"),
        ("payment.DECLINE_OVR=5", "(?s)payment has no setting DECLINE_OVR.*Did you mean DECLINE_OVER"),
        ("catalogue.X=5", "(?s)catalogue has no setting X.*It has: .*PORT"),
    ],
)
def test_a_setting_that_names_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        UpOptions.checked(broker="", broker_management="", settings=[text])


@pytest.mark.parametrize("service", SERVICES)
def test_a_value_that_does_not_fit_is_refused_before_anything_starts(service: str) -> None:
    with pytest.raises(SettingError, match=f"{service}: PORT is 'soon'; it must be a whole number"):
        UpOptions.checked(broker="", broker_management="", settings=[f"{service}.PORT=soon"])


def test_settings_of_traces_fit_every_service() -> None:
    setting = "shipping.OTEL_TRACES_SAMPLER=parentbased_always_off"

    checked = UpOptions.checked(broker="", broker_management="", settings=[setting])

    assert checked.settings == {"shipping": {"OTEL_TRACES_SAMPLER": "parentbased_always_off"}}


def test_a_broker_that_is_no_amqp_url_is_refused() -> None:
    with pytest.raises(SettingError, match="AMQP URL"):
        UpOptions.checked(broker="http://x", broker_management="", settings=[])


def test_the_management_api_of_a_broker_is_found_beside_it() -> None:
    options = UpOptions.checked(broker="amqp://u:p@example.org:5672/", broker_management="", settings=[])

    assert options.broker_management == "http://u:p@example.org:15672"


def test_a_setting_reaches_its_container_and_no_other() -> None:
    objects = list(manifests.load(settings={"payment": {"DECLINE_OVER": "105"}}))
    env = {
        obj["metadata"]["name"]: {
            one["name"]: one.get("value") for one in obj["spec"]["template"]["spec"]["containers"][0]["env"]
        }
        for obj in objects
        if obj["kind"] == "Deployment"
    }

    assert env["payment"]["DECLINE_OVER"] == "105"
    assert all("DECLINE_OVER" not in variables for name, variables in env.items() if name != "payment")


def test_the_shop_has_fourteen_pods_and_front_end_answers_on_both_ports() -> None:
    objects = list(manifests.load(settings={}))
    deployments = [
        obj["metadata"]["name"]
        for obj in objects
        if obj["kind"] == "Deployment" and obj["metadata"]["namespace"] == "sock-shop"
    ]
    (front_end,) = [obj for obj in objects if obj["kind"] == "Service" and obj["metadata"]["name"] == "front-end"]

    assert len(deployments) == 14
    assert set(SERVICES) < set(deployments)
    assert [port["port"] for port in front_end["spec"]["ports"]] == [80, 8079]


def test_without_the_broker_its_pod_and_service_are_left_out() -> None:
    names = [(obj["kind"], obj["metadata"]["name"]) for obj in manifests.load(without={"rabbitmq"}, settings={})]

    assert ("Deployment", "rabbitmq") not in names
    assert ("Service", "rabbitmq") not in names
    assert len([name for kind, name in names if kind == "Deployment"]) == 14  # 13 of the shop, and the bank


@pytest.mark.parametrize(
    ("setting", "unused"),
    [
        ("orders.DATABASE_URL=postgresql+asyncpg://me@db.example:5432/data", {"orders-db"}),
        ("orders.DATABASE_URL=postgresql+asyncpg://me:other@orders-db:5432/data", set()),
        ("orders.DATABASE_URL=postgresql+asyncpg://me@orders-db.sock-shop.svc.cluster.local/data", set()),
        ("orders.DATABASE_URL=postgresql+asyncpg://me@carts-db:5432/data", {"orders-db"}),
        ("front-end.SESSION_REDIS_URL=redis://127.0.0.1:6379/0", {"session-db"}),
        ("orders.HTTP_TIMEOUT_S=5", set()),
    ],
)
def test_a_store_that_nobody_uses_is_not_started(setting: str, unused: set[str]) -> None:
    options = UpOptions.checked(broker="", broker_management="", settings=[setting])
    names = [obj["metadata"]["name"] for obj in manifests.load(without=options.elsewhere, settings=options.settings)]

    assert options.elsewhere == unused
    assert not unused & set(names)


def test_with_a_broker_elsewhere_ours_is_not_started() -> None:
    assert UpOptions.checked(broker="amqp://db.example/", broker_management="", settings=[]).elsewhere == {"rabbitmq"}


def test_a_lock_is_held_by_one_only_and_says_by_whom(tmp_path: Path) -> None:
    (tmp_path / "yards").mkdir()
    folder = YardFolder(tmp_path, "one")
    first, second = YardLock(folder), YardLock(folder)

    assert first.acquire()
    assert not second.acquire()
    assert (holder := second.holder()) is not None
    assert holder.alive()
    first.release()
    assert second.holder() is None
    assert second.acquire()
    second.release()


def test_a_state_that_was_damaged_is_one_sentence(tmp_path: Path) -> None:
    folder = YardFolder(tmp_path, "one")
    folder.path.mkdir(parents=True)
    folder.state.write_text("{")

    with pytest.raises(DrillyardError, match="cannot be read"):
        YardState.read(folder)


def test_no_state_is_no_yard(tmp_path: Path) -> None:
    assert YardState.read(YardFolder(tmp_path, "one")) is None


def test_pods_bear_datadogs_service_label_where_the_yard_is_asked_for_it() -> None:
    pods = {
        obj["metadata"]["name"]: obj["spec"]["template"]["metadata"]["labels"]
        for obj in manifests.load(settings={}, labelled=True)
        if obj["kind"] == "Deployment"
    }
    assert pods["orders"]["tags.datadoghq.com/service"] == "orders"
    assert all(labels["tags.datadoghq.com/service"] == name for name, labels in pods.items())
    assert not any("tags.datadoghq.com/service" in str(obj) for obj in manifests.load(settings={}))


def test_where_the_service_of_a_log_comes_from_is_one_of_two() -> None:
    def asked(where: str) -> UpOptions:
        return UpOptions.checked(broker="", broker_management="", settings=[], service_tags=where)

    assert asked("label").service_tags == "label"
    with pytest.raises(SettingError, match="image or label"):
        asked("pod")
