"""
Every fault by its name in incident files, `faults.json` and `drill faults`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from drillyard.base.errors import DrillyardError, SettingError
from drillyard.faults.autoscaler_metric import AutoscalerMetric
from drillyard.faults.bank_behaviour import BankBehaviour
from drillyard.faults.connection_slots import ConnectionSlots
from drillyard.faults.crash_loop import CrashLoop
from drillyard.faults.cut_link import CutLink
from drillyard.faults.fault import Fault
from drillyard.faults.flatten_log_levels import FlattenLogLevels
from drillyard.faults.freeze_pod import FreezePod
from drillyard.faults.http_answer import HttpAnswer
from drillyard.faults.limit_cpu import LimitCpu
from drillyard.faults.limit_link import LimitLink
from drillyard.faults.limit_memory import LimitMemory
from drillyard.faults.lose_packets import LosePackets
from drillyard.faults.nothing import Nothing
from drillyard.faults.poison_message import PoisonMessage
from drillyard.faults.queue_policy import QueuePolicy
from drillyard.faults.restart_pod import RestartPod
from drillyard.faults.scale_deployment import ScaleDeployment
from drillyard.faults.set_env import SetEnv
from drillyard.faults.slow_consumer import SlowConsumer
from drillyard.faults.slow_link import SlowLink
from drillyard.faults.table_lock import TableLock

FAULTS: Mapping[str, type[Any]] = {
    "autoscaler_metric": AutoscalerMetric,
    "bank_behaviour": BankBehaviour,
    "connection_slots": ConnectionSlots,
    "crash_loop": CrashLoop,
    "cut_link": CutLink,
    "flatten_log_levels": FlattenLogLevels,
    "freeze_pod": FreezePod,
    "http_answer": HttpAnswer,
    "limit_cpu": LimitCpu,
    "limit_link": LimitLink,
    "limit_memory": LimitMemory,
    "lose_packets": LosePackets,
    "nothing": Nothing,
    "poison_message": PoisonMessage,
    "queue_policy": QueuePolicy,
    "restart_pod": RestartPod,
    "scale_deployment": ScaleDeployment,
    "set_env": SetEnv,
    "slow_consumer": SlowConsumer,
    "slow_link": SlowLink,
    "table_lock": TableLock,
}


def build(name: str, data: Mapping[str, Any]) -> Fault:
    """
    A fault from its stored name and data.

    Raises SettingError for an unknown name or key, and for a missing one.
    """
    try:
        kind = FAULTS[name]
    except KeyError:
        raise SettingError(
            f'There is no fault called "{name}".', hint=f"There are: {', '.join(sorted(FAULTS))}."
        ) from None
    known = {field.name: field for field in fields(kind)}
    unknown = sorted(data.keys() - known.keys())
    if unknown:
        raise SettingError(
            f'The fault {name} has no key "{unknown[0]}".', hint=f"It has: {', '.join(keys_of(name)) or 'none'}."
        )
    missing = [key for key, field in known.items() if key not in data and field.default is MISSING]
    if missing:
        raise SettingError(f'The fault {name} needs the key "{missing[0]}".')
    try:
        return cast(Fault, TypeAdapter(kind).validate_python(dict(data)))
    except DrillyardError as problem:
        raise SettingError(f"The fault {name} does not fit: {problem.message}", hint=problem.hint) from problem
    except ValidationError as problem:
        first = problem.errors()[0]
        key, value, fits = ".".join(map(str, first["loc"])), first["input"], first["msg"]
        raise SettingError(f"The fault {name} has {key}: {value!r}.", hint=f"{fits}.") from problem


def keys_of(name: str) -> list[str]:
    """What a person may set; `…_before` is what the fault remembers of the world for its cure."""
    return [field.name for field in fields(FAULTS[name]) if not field.name.endswith("_before")]


def name_of(fault: Fault) -> str:
    """The name under which `build` makes it again."""
    return next(name for name, kind in FAULTS.items() if type(fault) is kind)
