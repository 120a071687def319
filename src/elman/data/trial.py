"""The process in which a tokenizer of others is tried: its JSON is standard input."""

import contextlib
import json
import sys

REFUSED = 3
"""The status where the last line of standard error says why."""

MEBIBYTES = 4096

TEXTS = (
    "To be, or not to be: that is the question.\n\n\tdon't  “Stop” 12,345 x=y[1]; <unk> </s> [CLS]\r\n",
    "床前明月光，疑是地上霜。naïve café e\u0301 🙂👩\u200d💻 ﬁ Σ İ "
    "\u0000\u0001\u007f\u00a0\u2028\ufeff\ufffd",
    "a" * 300 + " " * 300 + "=" * 300 + "\n" * 300,
    "",
)


def main() -> None:
    """Build the tokenizer, and encode and decode with it."""
    from elman.data.bpe import BpeTokenizer
    from elman.errors import DataError, ElmanError

    try:
        tokenizer = BpeTokenizer(json.load(sys.stdin))
        for text in TEXTS:
            ids = tokenizer.encode(text)
            tokenizer.decode(ids)
            tokenizer.symbols(text)
            tokenizer.unknown_symbols(text)
            stream = tokenizer.stream()
            for index in ids.tolist():
                stream(index)
            stream.flush()
        _ = tokenizer.notes, tokenizer.start, tokenizer.line_end
        if BpeTokenizer(tokenizer.to_json()["tokenizer"]) != tokenizer:
            raise DataError("it is another tokenizer when it has been written and read again")
    except ElmanError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        sys.exit(REFUSED)


def limit() -> None:
    """Take no more memory than a large vocabulary needs."""
    try:
        import resource
    except ImportError:  # as on Windows, where the caller's clock is the one limit
        return
    limits = {
        resource.RLIMIT_CORE: 0,
        getattr(resource, "RLIMIT_AS", resource.RLIMIT_DATA): MEBIBYTES << 20,
    }
    for kind, most in limits.items():
        # A lower limit that is set already stays; some systems refuse to set some.
        with contextlib.suppress(ValueError, OSError):
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    limit()
    main()
