"""What this machine does now, as numbers under the names that mlflow gives them: cpu, memory, disk, network, GPUs.

Reads /proc, on systems without it psutil where that is installed; GPUs by nvidia-smi. Used by the SDK and by node
agents, so it imports nothing of either.
"""

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_MB = 1e6
_SMI = ("--query-gpu=utilization.gpu,memory.used,memory.total,power.draw,power.limit", "--format=csv,noheader,nounits")


class Machine:
    """Rates are since the sample before, or since it was made. disk: a folder on the disk that is meant."""

    def __init__(self, disk: str = os.sep) -> None:
        self._disk = disk
        self._proc = Path("/proc/stat").exists()
        self._psutil = None if self._proc else _psutil()
        self._smi = shutil.which("nvidia-smi")
        self._cpu, self._net = self._cpu_times(), self._traffic()
        self._net_start = self._net

    def sample(self) -> dict[str, float]:
        """Name without the prefix "system/" → value. What cannot be read is left out; never raises."""
        found: dict[str, float] = {}
        for part in (self._of_cpu, self._of_memory, self._of_disk, self._of_network, self._of_gpus):
            with suppress(OSError, ValueError, KeyError, IndexError):
                found |= part()
        return found

    def _of_cpu(self) -> dict[str, float]:
        before, self._cpu = self._cpu, self._cpu_times()
        busy, total = self._cpu[0] - before[0], self._cpu[1] - before[1]
        return {"cpu_utilization_percentage": round(100 * busy / total, 2)} if total > 0 else {}

    def _of_memory(self) -> dict[str, float]:
        if self._psutil is not None:
            memory = self._psutil.virtual_memory()
            used, total = float(memory.used), float(memory.total)
        else:
            lines = Path("/proc/meminfo").read_text().splitlines()
            sizes = {line.partition(":")[0]: float(line.split()[1]) * 1024 for line in lines if line.endswith("kB")}
            total = sizes["MemTotal"]
            used = total - sizes.get("MemAvailable", sizes["MemFree"])
        return {
            "system_memory_usage_megabytes": round(used / _MB, 1),
            "system_memory_usage_percentage": round(100 * used / total, 1),
        }

    def _of_disk(self) -> dict[str, float]:
        usage = shutil.disk_usage(self._disk)
        return {
            "disk_usage_percentage": round(100 * usage.used / usage.total, 1),
            "disk_usage_megabytes": round(usage.used / _MB, 1),
            "disk_available_megabytes": round(usage.free / _MB, 1),
        }

    def _of_network(self) -> dict[str, float]:
        """Since this object was made, as mlflow counts."""
        now, start = self._traffic(), self._net_start
        return {
            "network_receive_megabytes": round((now[0] - start[0]) / _MB, 3),
            "network_transmit_megabytes": round((now[1] - start[1]) / _MB, 3),
        }

    def _of_gpus(self) -> dict[str, float]:
        if self._smi is None:
            return {}
        try:
            done = subprocess.run([self._smi, *_SMI], capture_output=True, text=True, timeout=5, check=True)
        except (subprocess.SubprocessError, OSError):
            self._smi = None
            return {}
        found: dict[str, float] = {}
        for number, line in enumerate(done.stdout.splitlines()):
            busy, used, total, power, limit = (_number(text) for text in line.split(","))
            told = {
                "utilization_percentage": busy,
                "memory_usage_megabytes": used,
                "memory_usage_percentage": _share(used, total),
                "power_usage_watts": power,
                "power_usage_percentage": _share(power, limit),
            }
            found |= {f"gpu_{number}_{name}": value for name, value in told.items() if value is not None}
        return found

    def _cpu_times(self) -> tuple[float, float]:
        """(busy, all), in any unit."""
        if self._psutil is not None:
            times: Any = self._psutil.cpu_times()
            return sum(times) - times.idle, sum(times)
        try:
            numbers = [float(text) for text in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        except OSError:
            return 0.0, time.monotonic()
        return sum(numbers) - numbers[3] - numbers[4], sum(numbers)

    def _traffic(self) -> tuple[float, float]:
        """(bytes received, bytes sent) by all interfaces but the loopback."""
        if self._psutil is not None:
            told = self._psutil.net_io_counters(nowrap=True)
            return float(told.bytes_recv), float(told.bytes_sent)
        received = sent = 0.0
        with suppress(OSError, ValueError, IndexError):
            for line in Path("/proc/net/dev").read_text().splitlines()[2:]:
                name, _, numbers = line.partition(":")
                if name.strip() != "lo":
                    fields = numbers.split()
                    received, sent = received + float(fields[0]), sent + float(fields[8])
        return received, sent


def _number(text: str) -> float | None:
    """None for "[N/A]"."""
    try:
        return float(text)
    except ValueError:
        return None


def _share(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else round(100 * part / whole, 1)


def _psutil() -> Any:
    try:
        import psutil
    except ImportError:
        return None
    return psutil
