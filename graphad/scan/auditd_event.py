"""What the lines of one event said, in one array of whole numbers that the next event reuses.

A kernel passes each array it is given on as seven words, so the many small parts of an event lie
side by side: texts as (start, end, how written), numbers, paths, arguments, and what a line's
fields are collected in.
"""

from graphad.scan import auditd_keys as k
from graphad.scan.auditd_lines import EVENT_LINES
from graphad.scan.lean import inlined
from graphad.scan.words import Ints

MAX_KEYS = 512  # of a line; what follows is kept as one text
MAX_PATHS = 64  # of an event; the others are only kept
MAX_ARGS = 1 << 16
MAX_TEXTS = 64
NO_NUMBER = -(2**62)

# Text columns; the first are those of the slots of the same number, up to USER.
CODE, COMMAND_LINE, WORKING, FILE, NEW_FILE, DESTINATION = range(k.USER + 1, k.USER + 7)
TEXTS = k.USER + 7

# Where the parts begin. Slots, at 0: 3 each, start -1 for none. Numbers: -1 for none, but NO_NUMBER
# for what a call was given and returned.
NUMBER_AT = 3 * k.SLOTS
COUNT_AT = NUMBER_AT + k.NUMBERS
# How many paths and arguments there are; ODD: bit 0 an argument isn't plain, bit 1 they are not in
# order, above 32 one more than how many are said to be; CURRENT: path of this line, or -1; how many
# texts there are for columns, where they end, whether one is a command line.
PATHS, ARGUMENTS, ODD, CURRENT, TEXT_COUNT, TEXT_END, COMMANDED, COUNTS = range(8)
PATH_AT = COUNT_AT + COUNTS  # 5 each: start, end, how written, name type, item
TEXT_AT = PATH_AT + 5 * MAX_PATHS  # 3 each: column, start, end in the working memory
KEY_AT = TEXT_AT + 3 * MAX_TEXTS  # 3 each: start, end, the first 8 bytes as a word
WORD_AT = KEY_AT + 3 * MAX_KEYS  # 2 each: free words of a line
LINE_AT = WORD_AT + 2 * MAX_KEYS  # lines of one kind
KIND_AT = LINE_AT + EVENT_LINES + 1  # kinds of its lines
ARG_AT = KIND_AT + EVENT_LINES + 1  # 4 each: number << 32 | chunk, start, end, how written
# Where a hash says that a key of this line may have been before; see put_fields. Never cleared.
SEEN, SEEN_BITS = ARG_AT + 4 * MAX_ARGS, 8
SEEN_AT = SEEN + 1
# Runs of fields that many lines have alike; see auditd_runs.py. A block begins with none.
RUNS, RUN_SIZE, MAX_RUN = 256, 64, 14
RUN_AT = SEEN_AT + (1 << SEEN_BITS)
EVENT_SIZE = RUN_AT + RUNS * RUN_SIZE


def scratch_size(longest: int) -> int:
    """Return how much working memory events of at most so many bytes need.

    It has three parts: decoded bytes, the same as text, and a row's texts.
    """
    return 3 * (6 * longest + 4096)


@inlined
def clear(event: Ints, part: int) -> None:
    """Make ready for another event."""
    for i in range(k.SLOTS):
        event[3 * i] = -1
    for i in range(k.NUMBERS):
        event[NUMBER_AT + i] = -1
    for i in range(k.A0, k.A0 + 3):
        event[NUMBER_AT + i] = NO_NUMBER
    event[NUMBER_AT + k.RETURNED] = NO_NUMBER
    for i in range(COUNTS):
        event[COUNT_AT + i] = 0
    event[COUNT_AT + CURRENT] = -1
    event[COUNT_AT + TEXT_END] = 2 * part


@inlined
def add_text(event: Ints, column: int, end: int) -> None:
    """Give a column what was written after the last text, up to `end`."""
    at = TEXT_AT + 3 * event[COUNT_AT + TEXT_COUNT]
    event[at], event[at + 1], event[at + 2] = column, event[COUNT_AT + TEXT_END], end
    event[COUNT_AT + TEXT_COUNT] += 1
    event[COUNT_AT + TEXT_END] = end
