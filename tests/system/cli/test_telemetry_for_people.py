"""What a person at a shell gets of the telemetry: lines, figures, reasons; never a traceback, an escape or a hang."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from drillyard.base.errors import SettingError

ORDER = "6900953ac1f4320001b50703"
SPRING = (
    f"2025-10-28 10:04:45.548 ERROR [orders,,,] 1 --- [           main] w.w.s.o.Orders : Payment failed for {ORDER}"
)


async def test_searching_counting_and_splitting_agree(lab) -> None:
    for number in range(3):
        await lab.say("sock-shop-orders", f"\x1b]0;owned\x07 line {number}")
    await lab.say("sock-shop-payment", "another line")

    listed = await lab.drill("logs", "line")
    count = await lab.drill("logs", "line", "--count")
    by = await lab.drill("logs", "line", "--by", "service", "--json")

    assert (listed.code, len(listed.out.splitlines())) == (0, 4)
    assert "\x1b" not in listed.out
    assert "␛]0;owned␇ line 0" in listed.out
    assert count.out == "4\n"
    assert json.loads(by.out) == [
        {"by": {"service": "sock-shop-orders"}, "count": 3},
        {"by": {"service": "sock-shop-payment"}, "count": 1},
    ]


async def test_a_bad_query_is_bad_usage_with_a_caret_under_the_column(lab) -> None:
    done = await lab.drill_process("logs", "service:(orders OR")

    assert done.code == 2
    assert done.err.splitlines()[-2:] == ["  service:(orders OR", "                    ^"]
    assert "Traceback" not in done.err


async def test_a_time_that_is_none_is_bad_usage(lab) -> None:
    done = await lab.drill_process("logs", "--from", "yesterday")

    assert done.code == 2
    assert done.err.startswith("'yesterday' is not a time.")


async def test_bytes_that_are_no_text_are_refused_with_a_sentence(lab) -> None:
    for command in ("logs", "events", "metrics"):
        with pytest.raises(SettingError, match="no UTF-8 text"):
            await lab.drill(command, "a\udcffb")


async def test_an_empty_result_says_why(lab) -> None:
    await lab.say("sock-shop-shipping", "Published shipment")

    done = await lab.drill("logs", 'service:shipping "Published"')

    assert (done.code, done.out) == (0, "")
    assert "No log in this window has service:shipping; there is sock-shop-shipping." in done.err


async def test_following_gives_each_new_line_once_and_ends_quietly(lab) -> None:
    await lab.say("sock-shop-orders", "before")
    process = await lab.start("logs", "--follow")
    async with asyncio.timeout(20):
        assert b"before" in await process.stdout.readline()
        await lab.say("sock-shop-orders", "during")
        assert b"during" in await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, err = await process.communicate()

    assert (process.returncode, rest, err) == (0, b"", b"")


async def test_an_orders_timeline_is_shown_though_orders_and_the_bank_are_away(lab) -> None:
    await lab.say("sock-shop-orders", SPRING)

    done = await lab.drill("timeline", ORDER)

    assert done.code == 0
    assert "T+0.000s  sock-shop-orders ERROR Payment failed for" in done.out
    assert "The stored order could not be read" in done.err
    assert "The bank could not be asked" in done.err


async def test_an_unknown_order_is_one_sentence(lab) -> None:
    done = await lab.drill_process("timeline", "000000000000000000000000")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Nothing is known of order 000000000000000000000000.")


async def test_the_ready_pipelines_make_new_errors_searchable(lab) -> None:
    tags = "kube_namespace:sock-shop,kube_deployment:orders"
    await lab.say("sock-shop-orders", SPRING, tags)
    assert (await lab.drill("logs", "status:error", "--count")).out == "0\n"

    installed = await lab.drill("pipelines", "install")
    again = await lab.drill("pipelines", "install", "--json")
    await lab.say("sock-shop-orders", SPRING, tags)

    assert installed.code == 0
    assert {one["did"] for one in json.loads(again.out)} == {"unchanged"}
    assert len(json.loads((await lab.drill("pipelines", "list", "--json")).out)) == 2
    assert (await lab.drill("logs", "status:error", "--count")).out == "1\n"


async def test_a_rule_is_tried_before_it_is_saved(lab) -> None:
    fits = await lab.drill_process("pipelines", "test", given=SPRING + "\n")
    misses = await lab.drill_process("pipelines", "test", "--rule", "r1 %{number:n}", given="no number\n")

    assert fits.code == 0
    assert "status = error" in fits.out
    assert misses.code == 1
    assert "does not fit" in misses.out


async def test_metrics_are_a_table_and_an_unknown_one_is_explained(lab) -> None:
    await lab.measure("rabbitmq.queue.messages", 0, "rabbitmq_queue:shipping-task")

    known = await lab.drill("metrics", "avg:rabbitmq.queue.messages{*} by {rabbitmq_queue}")
    unknown = await lab.drill("metrics", "avg:rabbitmq.queue.message{*}")
    wrong = await lab.drill_process("metrics", "avg:rabbitmq")

    assert known.out.splitlines()[2].split()[:4] == ["rabbitmq_queue:shipping-task", "0", "0", "0"]
    assert "there is rabbitmq.queue.messages" in unknown.err
    assert (wrong.code, wrong.err.splitlines()[1]) == (2, "  avg:rabbitmq")


async def test_events_are_shown_in_utc(lab) -> None:
    await lab.post("/api/v1/events", {"title": "Scaled down", "text": "from 1 to 0", "alert_type": "warning"})

    done = await lab.drill("events")

    assert done.code == 0
    assert "Z warning  Scaled down  from 1 to 0" in done.out


async def test_a_check_that_could_write_no_marker_is_unclear(lab) -> None:
    done = await lab.drill("check", "logging")

    assert done.code == 3
    assert "No marker could be written" in done.out
