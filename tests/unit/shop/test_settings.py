"""
Settings: read, or refused in one sentence that names key, value and what would fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base.errors import SettingError
from drillyard.shop import settings
from drillyard.shop.carts import CartsSettings
from drillyard.shop.catalogue import CatalogueSettings
from drillyard.shop.orders import OrdersSettings
from drillyard.shop.payment import PaymentSettings
from drillyard.shop.queue_master import QueueMasterSettings
from drillyard.shop.settings import from_environment, without_password
from drillyard.shop.shipping import ShippingSettings
from drillyard.shop.user import UserSettings


@dataclass(frozen=True, kw_only=True)
class Some:
    name: str = settings.text("x")
    count: int = settings.whole(3, least=1, most=9)
    wait_s: float = settings.number(1.5, least=0, most=10)
    loud: bool = settings.switch(False)
    target_url: str | None = settings.url(None, "http", "https")
    secret: str = settings.text("s", pattern="[a-z]+", secret=True)


def test_unset_and_blank_mean_the_default() -> None:
    assert from_environment(Some, {}) == Some()
    assert from_environment(Some, {"NAME": "", "COUNT": " ", "TARGET_URL": ""}) == Some()


def test_every_kind_is_read() -> None:
    environment = {
        "NAME": "n",
        "COUNT": "9",
        "WAIT_S": "0.25",
        "LOUD": "Yes",
        "TARGET_URL": "http://h:80/",
        "SECRET": "a",
    }

    found = from_environment(Some, environment)

    assert found == Some(name="n", count=9, wait_s=0.25, loud=True, target_url="http://h:80", secret="a")


# Key, value, the sentence.
BAD = [
    ("COUNT", "0", "COUNT is '0'; it must be a whole number from 1 to 9."),
    ("COUNT", "1.0", "COUNT is '1.0'; it must be a whole number from 1 to 9."),
    ("COUNT", "9" * 400, f"COUNT is '{'9' * 400}'; it must be a whole number from 1 to 9."),
    ("WAIT_S", "inf", "WAIT_S is 'inf'; it must be a number from 0 to 10."),
    ("LOUD", "2", "LOUD is '2'; it must be true or false."),
    ("TARGET_URL", "h:80", "TARGET_URL is 'h:80'; it must be http://host… or https://host…."),
    ("TARGET_URL", "http://h:99999", "TARGET_URL is 'http://h:99999'; it must be http://host… or https://host…."),
    ("TARGET_URL", "ftp://u:p@h", "TARGET_URL is 'ftp://u:***@h'; it must be http://host… or https://host…."),
    ("SECRET", "A", "SECRET is a value that is not shown; it must be any text."),
]


@pytest.mark.parametrize(("key", "value", "sentence"), BAD)
def test_a_bad_value_is_one_sentence(key: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingError) as raised:
        from_environment(Some, {key: value})

    assert str(raised.value) == sentence


@given(st.dictionaries(st.sampled_from(["NAME", "COUNT", "WAIT_S", "LOUD", "TARGET_URL", "SECRET"]), st.text()))
def test_any_environment_is_read_or_refused(environment: dict[str, str]) -> None:
    try:
        from_environment(Some, environment)
    except SettingError as problem:
        assert str(problem).count("it must be") == 1


def test_the_slash_that_names_a_virtual_host_is_kept() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Amqp:
        amqp_url: str = settings.url("amqp://h/", "amqp")

    assert from_environment(Amqp, {"AMQP_URL": "amqp://h:5672/"}).amqp_url == "amqp://h:5672/"


def test_variables_that_kubernetes_sets_are_not_read() -> None:
    kubernetes = {"ORDERS_PORT": "tcp://10.96.0.5:80", "ORDERS_SERVICE_PORT": "80", "ORDERS_PORT_80_TCP": "x"}

    assert from_environment(OrdersSettings, kubernetes) == OrdersSettings()


def test_passwords_are_taken_out_of_urls() -> None:
    assert (
        without_password("postgresql+asyncpg://shop:pass@db:5432/data") == "postgresql+asyncpg://shop:***@db:5432/data"
    )
    assert without_password("http://h/a:b@c") == "http://h/a:b@c"


# Settings of a service, variable, value, the sentence.
SERVICES = [
    (CatalogueSettings, "PORT", "eighty", "PORT is 'eighty'; it must be a whole number from 0 to 65535."),
    (UserSettings, "HATEAOS", "a b", "HATEAOS is 'a b'; it must be a host, or host:port."),
    (CartsSettings, "DB_POOL_SIZE", "0", "DB_POOL_SIZE is '0'; it must be a whole number from 1 to 500."),
    (OrdersSettings, "HTTP_TIMEOUT_S", "nan", "HTTP_TIMEOUT_S is 'nan'; it must be a number from 0.01 to 600."),
    (
        PaymentSettings,
        "PAYMENT_GATEWAY_KEY",
        "a b",
        "PAYMENT_GATEWAY_KEY is a value that is not shown; it must be a key of printable ASCII.",
    ),
    (ShippingSettings, "PUBLISHER_CONFIRMS", "maybe", "PUBLISHER_CONFIRMS is 'maybe'; it must be true or false."),
    (QueueMasterSettings, "WORK_MS", "-1", "WORK_MS is '-1'; it must be a whole number from 0 to 3600000."),
]


@pytest.mark.parametrize(("kind", "key", "value", "sentence"), SERVICES)
def test_each_service_says_what_would_fit(kind: type, key: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingError) as raised:
        from_environment(kind, {key: value})

    assert str(raised.value) == sentence


def test_the_defaults_are_the_originals_ports_and_names() -> None:
    assert [kind().port for kind, *_ in SERVICES] == [80, 8084, 8081, 8082, 8080, 8080, 8080]
    assert {kind().host for kind, *_ in SERVICES} == {"127.0.0.1"}
    assert (OrdersSettings().payment_url, OrdersSettings().shipping_url) == ("http://payment", "http://shipping")
    assert (PaymentSettings().decline_over, PaymentSettings().payment_gateway_url) == (105, None)
    assert ShippingSettings().amqp_url == QueueMasterSettings().amqp_url == "amqp://guest:guest@rabbitmq:5672/"
