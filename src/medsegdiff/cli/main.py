"""The program `medsegdiff`: reads the command line, calls a verb, turns errors into sentences."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from medsegdiff import __version__
from medsegdiff.cli import console
from medsegdiff.cli.convert import convert
from medsegdiff.cli.demo import demo
from medsegdiff.cli.doctor import doctor
from medsegdiff.cli.evaluate import evaluate
from medsegdiff.cli.export import export
from medsegdiff.cli.info import info
from medsegdiff.cli.models import models
from medsegdiff.cli.plan import plan
from medsegdiff.cli.predict import predict
from medsegdiff.cli.report import report
from medsegdiff.cli.serve import serve
from medsegdiff.cli.spelling import normalised
from medsegdiff.cli.train import train
from medsegdiff.cli.verify import verify
from medsegdiff.errors import MedSegDiffError

VERBS = (
    demo,
    doctor,
    verify,
    plan,
    train,
    predict,
    evaluate,
    report,
    serve,
    info,
    models,
    export,
    convert,
)
STOPPED = "Stopped. What was finished is kept; the same command goes on (predict: with --continue)."
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM)
EXIT_BUG, EXIT_USAGE, EXIT_REFUSED, EXIT_RESOURCES, EXIT_STOPPED = 1, 2, 4, 5, 130

app = typer.Typer(
    name="medsegdiff",
    help="Segment medical images by diffusion: several plausible masks, fused into one.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in VERBS:
    app.command()(verb)


@app.callback(invoke_without_command=True)
def program(
    is_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    is_debugged: Annotated[
        bool, typer.Option("--debug", help="Show where an error arose; anywhere on the line.")
    ] = False,
) -> None:
    """Segment medical images by diffusion: several plausible masks, fused into one."""
    if is_version:
        console.result(__version__)


def main() -> None:
    """Run the program and leave with its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Returns:
        0 all done, 1 our own bug, 2 usage, 3 some studies failed, 4 refused, 5 resources,
        130 stopped.
    """
    words = [word for word in arguments if word != "--debug"] or ["--help"]
    try:
        return _called(words)
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in arguments:
            console.log(traceback.format_exc())
        return _told(error)


def _called(words: list[str]) -> int:
    command: Any = typer.main.get_command(app)
    if words and words[0] in command.commands:
        verb = command.commands[words[0]]
        known = {name for one in verb.params for name in (*one.opts, *one.secondary_opts)}
        words = [words[0], *normalised(words[0], words[1:], known)]
    answer = command.main(args=words, prog_name="medsegdiff", standalone_mode=False)
    return answer if isinstance(answer, int) else 0


def _told(error: BaseException) -> int:
    """Say what went wrong in a sentence, and give the exit code."""
    if isinstance(error, MedSegDiffError):
        console.log(f"medsegdiff: {error}")
        return error.exit_code
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        console.log(STOPPED)
        return EXIT_STOPPED
    if hasattr(error, "format_message"):  # a command line that cannot be understood
        console.log(f"medsegdiff: {_usage(error)}")
        return EXIT_USAGE
    if isinstance(error, MemoryError) or getattr(error, "errno", None) in NO_ROOM:
        console.log(f"medsegdiff: There is not enough memory or disk: {error}.")
        return EXIT_RESOURCES
    if isinstance(error, FileExistsError) and error.filename:
        console.log(f"medsegdiff: {error.filename} is a file, and not a folder. Give another name.")
        return EXIT_REFUSED
    if isinstance(error, OSError):
        console.log(f"medsegdiff: A file or folder cannot be used: {error}.")
        return EXIT_REFUSED
    console.log(
        f"medsegdiff: An error in the program itself: {type(error).__name__}: {error}. Repeat the "
        "command with --debug to see where, and please report it."
    )
    return EXIT_BUG


def _usage(error: Any) -> str:
    """What is wrong with the command line, and where its help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "medsegdiff"
    message = error.format_message().rstrip(".").replace("?.", "?")
    return f"{message}{'' if message.endswith('?') else '.'} Type {command} --help."


def _terminate(number: int, frame: object) -> None:
    """SIGTERM: leave at once; what is open is closed on the way."""
    console.log(STOPPED)
    raise SystemExit(128 + number)
