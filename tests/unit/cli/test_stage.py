"""The board under a drill tells the phase, the countdown, what customers are told and what an on-call could see."""

from __future__ import annotations

import io

from rich.console import Console

from drillyard.cli.stage import Stage


def shown(stage: Stage) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(stage)
    return console.export_text()


def test_the_board_shows_both_sides() -> None:
    stage = Stage("Incident", "Nothing arrives.")
    stage.phase("load", "Shoppers come.")
    stage.numbers(orders=5, failed=2, queue_depth=3, consumers=0, errors=4, heals_in_s=12)

    board = shown(stage)

    assert "load" in board and "heals in 12 s" in board
    assert "customers 3 of 5 order(s) accepted   2 told an error" in board
    assert "consumers 0   error logs 4   queue 3" in board


def test_what_is_not_known_is_a_question_mark() -> None:
    board = shown(Stage("Incident", "Nothing arrives."))

    assert "consumers ?   error logs ?   queue ?" in board
    assert "heals in" not in board
