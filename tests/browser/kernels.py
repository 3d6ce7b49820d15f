"""Kernels that start at once: each is a fork of one process that has imported PyTorch, and has run nothing yet.

Usage: python kernels.py serve DESCRIPTOR_OF_A_LISTENING_SOCKET
       python kernels.py start PATH_OF_THE_SOCKET KERNEL_ARGUMENT...
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from pathlib import Path

# What programs import; the last is what the first optimizer does, and takes longest.
IMPORTED = ("torch", "sklearn.datasets", "IPython.core.interactiveshell", "zmq.eventloop.zmqstream", "torch._dynamo")


def inspecting() -> list[str]:
    """The modules of the package, but for those that import ``ipywidgets``, which looks for its kernel then."""
    home = Path(importlib.import_module("nbinspect").__file__).parent
    files = [file.relative_to(home.parent).with_suffix("").parts for file in home.glob("[!_]*/**/[!_]*.py")]
    return [".".join(names) for names in sorted(files) if names[1] not in ("widgets", "integrations")]


def start(address: str, arguments: list[str]) -> None:
    """Stand for a kernel in the eyes of Jupyter: pass signals on to it, and end when it ends."""
    ended, alive = os.pipe()
    order = json.dumps({"arguments": arguments, "environment": dict(os.environ), "folder": str(Path.cwd())})
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [f"{order}\n".encode()], [0, 1, 2, alive])
        os.close(alive)
        kernel = int(server.recv(32))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(kernel, number))
        os.read(ended, 1)  # nothing ever comes, but the end of the kernel, which holds the other side


def serve(listening: socket.socket) -> list[str]:
    """Fork a kernel for each order until this process is ended; returns in the kernels, with their arguments."""
    kernels: dict[socket.socket, int] = {}
    with selectors.DefaultSelector() as ready:
        ready.register(listening, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is listening:
                    asked, _ = listening.accept()
                    order, streams = ordered(asked)
                    if order is None:
                        asked.close()
                        continue
                    kernels[asked] = os.fork()
                    if not kernels[asked]:
                        become(order, streams)
                        return order["arguments"]
                    for stream in streams:
                        os.close(stream)
                    with contextlib.suppress(ConnectionError):  # a starter that has ended is read as such
                        asked.sendall(str(kernels[asked]).encode())
                    ready.register(asked, selectors.EVENT_READ)
                else:  # the starter has ended, by itself or by force
                    ready.unregister(key.fileobj)
                    key.fileobj.close()
                    kernel = kernels.pop(key.fileobj)
                    os.kill(kernel, signal.SIGKILL)
                    os.waitpid(kernel, 0)


def ordered(asked: socket.socket) -> tuple[dict | None, list[int]]:
    """What a starter asks for, None if it ended before; its standard streams with the pipe that tells it of the end."""
    text, streams, *_ = socket.recv_fds(asked, 65536, 4)
    while not text.endswith(b"\n"):
        more = asked.recv(65536)
        if not more:
            for stream in streams:
                os.close(stream)
            return None, []
        text += more
    return json.loads(text), streams


def become(order: dict, streams: list[int]) -> None:
    """Give this process the streams, variables, folder and search path that its starter has."""
    os.setsid()
    for number, stream in enumerate(streams[:3]):
        os.dup2(stream, number)
        os.close(stream)
    os.set_inheritable(streams[3], False)
    os.environ.clear()
    os.environ.update(order["environment"], JPY_PARENT_PID=str(os.getppid()))
    os.chdir(order["folder"])
    sys.path[:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))


def main(action: str, place: str, *arguments: str) -> None:
    """Do what the command line asks for."""
    if action == "start":
        start(place, list(arguments))
        return
    for name in (*IMPORTED, *inspecting()):
        importlib.import_module(name)
    gc.freeze()  # what all kernels share need not be looked through by each
    asked = serve(socket.socket(fileno=int(place)))
    from ipykernel.kernelapp import launch_new_instance  # of the version that was asked for

    sys.argv[1:] = asked
    launch_new_instance(asked)
    # All that a kernel does at its end, but for taking down module by module what is gone with the process anyway.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
