"""
What each command's help ends with: an example that can be typed as it is, and what comes next.
"""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, str]] = {
    "up": ("drill up --env payment.DECLINE_OVER=105", '`eval "$(drill env)"` leads kubectl and Datadog clients to it.'),
    "status": ("drill status --json", "`kubectl get pods -A` after `drill env` shows the same and more."),
    "down": ("drill down --yard default", "`drill records` still lists what was played."),
    "env": ("drill env --investigator", "`kubectl -n sock-shop get pods` then asks the yard."),
    "endpoints": ("drill endpoints --json", "`curl` any of them."),
    "incidents": ("drill incidents --json", "`drill run NAME` plays one."),
    "faults": ("drill faults --json", "`drill inject NAME KEY=VALUE` puts one in."),
    "profiles": ("drill profiles --json", "`drill run incident-5 --profile NAME` lets such a crowd come."),
    "run": (
        "drill run incident-3 --method B --orders 5",
        "`drill report` opens what it left, `drill diff` compares two.",
    ),
    "demo": ("drill demo", "`drill up` starts a yard that stays."),
    "inject": ("drill inject incident-5 --duration 600", "`drill status` shows it, `drill heal` ends it."),
    "heal": ("drill heal", "`drill check incident-5 after` looks whether all is well."),
    "recover": ("drill recover", "`drill records` shows how the record ended."),
    "reconcile": ("drill reconcile --csv orders.csv", "`drill reconcile --apply` carries out what was proposed."),
    "records": ("drill records --json", "`drill report RECORD` judges one again."),
    "report": ("drill report --print markdown", "open report.html in a browser."),
    "diff": ("drill diff 2026-11-25T04 2026-11-25T05", "`drill report A` shows one of them whole."),
    "logs": (
        "drill logs 'service:sock-shop-orders \"PAID\"' --from now-1h",
        "`drill timeline ORDER_ID` follows one order.",
    ),
    "timeline": ("drill timeline 6900953ac1f4320001b50703 --spans", "`drill logs ORDER_ID` finds its lines alone."),
    "events": (
        "drill events 'source:kubernetes kube_namespace:sock-shop'",
        "`drill logs` shows what the pods said then.",
    ),
    "metrics": ("drill metrics 'avg:rabbitmq.queue.messages{*}'", "`drill logs` shows what happened meanwhile."),
    "pipelines": ("drill pipelines install", "`drill logs 'status:error'` then finds what Spring calls an error."),
    "check": ("drill check logging", "an empty `drill logs` then means that nothing was written."),
}
"""Command → an example, and what comes next."""


def epilog(command: str) -> str:
    """The end of the command's help, as Markdown."""
    example, comes_next = EXAMPLES[command]
    return f"Example: `{example}`\n\nNext: {comes_next}"
