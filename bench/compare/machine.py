"""What stands beside figures: which machine it was, and which versions."""
import os
import platform
import subprocess
from pathlib import Path


def about():
    processors = Path("/proc/cpuinfo").read_text()
    model = next((line.split(":", 1)[1].strip() for line in processors.splitlines() if line.startswith("model name")), "")
    memory = int(next(line for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line).split()[1])
    return {"processors": os.cpu_count(), "model": model, "memory_gb": round(memory / 1e6), "kernel": platform.release(),
            "system": release(), "network": "loopback; the load comes from the same machine"}


def release():
    lines = Path("/etc/os-release").read_text().splitlines() if Path("/etc/os-release").exists() else []
    return next((line.split("=", 1)[1].strip('"') for line in lines if line.startswith("PRETTY_NAME=")), "Linux")


def said(*command):
    """The first line that a command says, or an empty text."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).strip().split("\n")[0]


def package(name):
    """The version of an installed package of Debian."""
    # One that was removed is known as well, with another state.
    state, _, version = said("dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Version}", name).partition("  ")
    return version if state == "ii" else ""
