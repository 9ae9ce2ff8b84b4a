"""
`drill up`, `status`, `down`, `env`, `endpoints`: a yard from its start to its end.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from drillyard.base.errors import SettingError
from drillyard.cli.invocation import typed
from drillyard.cli.options import DEFAULT_YARD, Json, YardName
from drillyard.cli.progress import starting
from drillyard.cli.tables import print_table
from drillyard.cluster.client import ApiError
from drillyard.drills.recover import HEALER
from drillyard.faults.active import ActiveFaults
from drillyard.yard import cluster_elsewhere
from drillyard.yard.home import yard_folder
from drillyard.yard.lifecycle import UpOptions, start_yard, stop_yard
from drillyard.yard.memory import pss_of_yard
from drillyard.yard.state import YardState
from drillyard.yard.yard import open_yard


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    panel = "A yard"
    app.command(rich_help_panel=panel)(up)
    app.command(rich_help_panel=panel)(status)
    app.command(rich_help_panel=panel)(down)
    app.command(rich_help_panel=panel)(env)
    app.command(rich_help_panel=panel)(endpoints)


def up(
    yard: YardName = DEFAULT_YARD,
    broker: Annotated[
        str, typer.Option(metavar="AMQP-URL", help="Use this RabbitMQ (amqp://…) instead of the yard's own broker.")
    ] = "",
    broker_management: Annotated[
        str, typer.Option(metavar="URL", help="Its management API; left out, port 15672 of the same host.")
    ] = "",
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            metavar="SERVICE.KEY=VALUE",
            help="Override a setting of a service, such as payment.DECLINE_OVER=105.",
        ),
    ] = None,
    service_tags: Annotated[
        str,
        typer.Option(
            metavar="image|label",
            help="What a log's service is: the image (sock-shop-orders), or a label of its pod (orders)."
            " The documents and the incidents ask for the image's.",
        ),
    ] = "image",
    json_output: Json = False,
) -> None:
    """
    Start a yard in the background: cluster, shop, bank and telemetry.

    Returns when every pod is Ready. `drill env` then says how to reach it.
    """
    _refuse_elsewhere("up", "`kubectl apply -k deploy/…` puts the shop into it: docs/real-cluster.md.")
    folder = yard_folder(yard)
    options = UpOptions.checked(
        broker=broker, broker_management=broker_management, settings=setting or [], service_tags=service_tags
    )
    with starting(yard, quiet=json_output) as progress:
        state = start_yard(folder, replace(options, healer=HEALER), progress)
    if json_output:
        typer.echo(json.dumps(_public(state)))
        return
    console = Console()
    drill, option = typed(), folder.option
    # Not wrapped: a command that is cut in two cannot be copied.
    for line in (
        f"The shop is open: [link]{state.page_url}[/link]  (user / password)",
        f'  kubectl and Datadog clients:  eval "$({drill} env{option})"',
        f"  break it:                     {drill} run incident-5{option}",
        f"  stop it:                      {drill} down{option}",
    ):
        console.print(line, highlight=False, soft_wrap=True)
    for warning in state.warnings:
        console.print(f"  note: {warning}", highlight=False, style="yellow")


def status(yard: YardName = DEFAULT_YARD, json_output: Json = False) -> None:
    """Show what runs, what is broken on purpose, and how much memory it takes."""
    _refuse_elsewhere("status", "`kubectl get pods -A` shows what runs in it.")
    folder = yard_folder(yard)
    state = YardState.require(folder)
    pods = asyncio.run(_pods(yard))
    memory = pss_of_yard(state)
    active = [f"{one.fault.describe()} (until {one.until:%H:%M:%S} UTC)" for one in ActiveFaults(folder.faults).all()]
    if json_output:
        typer.echo(json.dumps({**_public(state), "pods": pods, "memory_pss_bytes": memory, "active_faults": active}))
        return
    table = Table(title=f"Yard {yard}", title_justify="left", box=None, pad_edge=False)
    for column in ("NAMESPACE", "POD", "READY", "STATUS", "RESTARTS"):
        table.add_column(column)
    for pod in pods:
        table.add_row(pod["namespace"], pod["name"], pod["ready"], pod["status"], str(pod["restarts"]))
    console = Console()
    print_table(table)
    console.print(f"Memory: {memory / 1e6:.0f} MB (PSS of all its processes)", highlight=False)
    console.print(f"Broken on purpose: {', '.join(active) or 'nothing'}", highlight=False)
    if not all(_whole(pod["ready"]) for pod in pods):
        raise typer.Exit(1)


def down(yard: YardName = DEFAULT_YARD) -> None:
    """Stop a yard; no process, port or state of it remains. Records and caches stay."""
    _refuse_elsewhere("down", "`kubectl delete -k deploy/…` takes the shop out of it.")
    stopped = stop_yard(yard_folder(yard))
    typer.echo(f"Yard {yard} is down." if stopped else f"Yard {yard} was not up; nothing of it is left.")


def env(
    yard: YardName = DEFAULT_YARD,
    investigator: Annotated[
        bool, typer.Option("--investigator", help="With the kubeconfig of an investigator: least rights, no Secrets.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Print shell exports: KUBECONFIG, FRONT_END_URL, Datadog keys and so on. Use: eval "$(drill env)"."""
    _refuse_elsewhere("env", "Its kubeconfig and its Datadog keys are yours already.")
    folder = yard_folder(yard)
    environment = YardState.require(folder).environment(folder, investigator=investigator)
    if json_output:
        typer.echo(json.dumps(environment))
        return
    for name, value in environment.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def endpoints(yard: YardName = DEFAULT_YARD, json_output: Json = False) -> None:
    """Print the loopback address of every service, store, broker and API."""
    _refuse_elsewhere("endpoints", "`kubectl port-forward` reaches a Service of it.")
    state = YardState.require(yard_folder(yard))
    if json_output:
        typer.echo(json.dumps({"services": dict(state.services)}))
        return
    for name, address in state.services.items():
        typer.echo(f"{name:24} {address}")


def _refuse_elsewhere(command: str, instead: str) -> None:
    context = cluster_elsewhere.chosen()
    if context:
        raise SettingError(
            f"`drill {command}` is about a yard of this machine, not about context {context}.", hint=instead
        )


async def _pods(yard: str) -> list[dict[str, Any]]:
    async with open_yard(yard) as opened:
        try:
            listed = (await opened.api.list("pods")).items
        except ApiError:
            return []
    rows = []
    for pod in listed:
        statuses = pod.get("status", {}).get("containerStatuses") or []
        ready = sum(bool(one.get("ready")) for one in statuses)
        rows.append(
            {
                "namespace": pod["metadata"]["namespace"],
                "name": pod["metadata"]["name"],
                "ready": f"{ready}/{len(pod['spec']['containers'])}",
                "status": pod.get("status", {}).get("phase", "Unknown"),
                "restarts": sum(int(one.get("restartCount", 0)) for one in statuses),
            }
        )
    return rows


def _whole(ready: str) -> bool:
    have, _, want = ready.partition("/")
    return have == want


def _public(state: YardState) -> dict[str, Any]:
    return {
        "yard": state.name,
        "created_at": state.created_at,
        "services": dict(state.services),
        "api_server": state.api_server,
    }
