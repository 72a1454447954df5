"""Fuzz targets: tests that a fuzzer steers in the asan configuration."""

load("//third_party:cc.bzl", "cc_unit_fuzz")

def fuzz_target(name, runs, deps, size_max = 4096):
    """NAME_fuzz.cc (fuzz_target.h), with its seeds in corpus/NAME.

    runs: inputs to try, of at most size_max bytes each.
    """
    cc_unit_fuzz(
        name = name + "_fuzz",
        args = [
            "-runs=%d" % runs,
            "-max_len=%d" % size_max,
            # What they take grows with the corpus, up to half of all time.
            "-entropic=0",
            "-reduce_inputs=0",
            # A whole second is the least; limits.h measures better.
            "-timeout=20",
            "-detect_leaks=0",  # at exit, once
            "-print_final_stats=1",
            "tests/fuzz/corpus/" + name,
        ],
        data = native.glob(["corpus/%s/*" % name]),
        deps = deps + [":fuzz_target"],
    )
