"""Nets whose forward does to the process what no forward should."""

import atexit
import os
import sys
import threading
import time

from torch import nn


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x):
        self.act()
        return self.layer(x)


class Unheard(BaseException):
    pass


class SpeechlessError(Exception):
    def __str__(self):
        raise ValueError("no words")


class Exits(Odd):
    def act(self):
        sys.exit(0)


class ExitsAtOnce(Odd):
    def act(self):
        os._exit(0)


class RaisesUnheard(Odd):
    def act(self):
        raise Unheard("of an odd kind")


class RaisesSpeechless(Odd):
    def act(self):
        raise SpeechlessError


class Prints(Odd):
    def act(self):
        print("by Python")  # noqa: T201
        os.write(1, b"below Python\n")


class Closes(Odd):
    def act(self):
        sys.stdout.close()
        os.close(1)


class Replaces(Odd):
    def act(self):
        sys.stdout = sys.stderr = None


class Reads(Odd):
    def act(self):
        assert sys.stdin.read() == ""
        assert os.read(0, 1) == b""


class Moves(Odd):
    def act(self):
        os.chdir("/")


class Forks(Odd):
    def act(self):
        os.fork()


class Threads(Odd):
    def act(self):
        threading.Thread(target=time.sleep, args=(60,), name="sleeper").start()


class Loops(Odd):
    def act(self):
        while True:
            pass


def factory():
    sys.exit(3)


class Chatters(Odd):
    def act(self):
        def chatter():
            while True:
                print("on and on", flush=True)  # noqa: T201

        threading.Thread(target=chatter, daemon=True).start()


class EndsLater(Odd):
    def act(self):
        atexit.register(os._exit, 0)
        atexit.register(print, "by Python")
        raise ValueError("and now")
