"""The macros that every BUILD file of Intentlog uses, and who may see what.

    load("//third_party:cc.bzl", "EVENTLOG_VISIBILITY", "cc_lib", "cc_unit_test")

    cc_lib(
        name = "clock",                       # clock.h, and clock.cc if it exists
        visibility = EVENTLOG_VISIBILITY,     # private unless said otherwise
        deps = ["//third_party:absl"],
    )

    cc_unit_test(
        name = "clock_test",                  # clock_test.cc, with gtest's main
        deps = [":clock"],
    )

Where a test runs is said by its tags:

    (none)      optimized, and with AddressSanitizer + UndefinedBehaviorSanitizer
    "no-asan"   optimized only: real data, benchmarks, kill loops
    "tsan"      with ThreadSanitizer as well: all that start threads, or hand our code to those of
                RocksDB, and do not link gRPC, whose own code it takes for racing. All others have
                one thread: their executors and clocks are moved by the test, so there is nothing
                that could be found
    "long"      by `tools/test --long` as well, for as long as that takes
    "fuzz"      with AddressSanitizer + UndefinedBehaviorSanitizer alone, steered by a fuzzer

A test has no network except loopback. It writes under TEST_TMPDIR, reads its `data` files by their
path from the root of the repository, and finds the real data set, if there is one, at the path in
the environment variable INTENTLOG_DATA (skip with GTEST_SKIP() and a reason if it is not set).
"""

WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    # gcc 12 finds overlaps in std::string::insert that are not there; clang does not know the name.
    "-Wno-restrict",
    "-Wno-unknown-warning-option",
]

# Only the product's own code counts what fuzzers steer by.
PRODUCT_COPTS = select({
    "//tests/fuzz:libfuzzer": ["-fsanitize=fuzzer-no-link"],
    "//conditions:default": [],
})

# What a fuzzer steers runs for minutes, and the command does not: there it is not optimized.
TOOL_COPTS = select({
    "//tests/fuzz:libfuzzer": [
        "-O0",
        "-fsanitize=fuzzer-no-link",
    ],
    "//conditions:default": [],
})

# The sources of tests are compiled without optimization everywhere: that saves up to half of what
# they take. Those of the simulation run for minutes.
UNIT_COPTS = [
    "-O0",
    "-U_FORTIFY_SOURCE",
]

# Read by tests where AddressSanitizer is compiled in.
_CHECKS_OF_UNITS = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_init_order=1"}

# For tests that try very much of what the tests of units run under all checks: returned stack takes
# an eighth of the time.
QUICK_CHECKS = {"ASAN_OPTIONS": "strict_init_order=1"}

def _compiled(copts = [], unit = False):
    """copts and deps of a file, by where it lies: its flags and the prelude that has the same."""
    package = native.package_name()
    if unit and not package.startswith("tests/simulation"):
        kind, flags = "unit", UNIT_COPTS
    elif package.startswith("tests"):
        kind, flags = "support", []
    elif package.startswith("tools") and package != "tools/import":
        kind, flags = "tool", TOOL_COPTS
    else:
        kind, flags = "product", PRODUCT_COPTS
    return struct(
        copts = WARNINGS + flags + copts + select({
            "//third_party/prelude:off": [],
            "//conditions:default": [
                "-include",
                "$(BINDIR)/third_party/prelude/%s.h" % kind,
                # Read back, headers of the system are no such headers to gcc 12 any more, and then
                # it finds overflows in std::string that are not there.
                "-Wno-stringop-overflow",
            ],
        }),
        deps = ["//third_party/prelude:" + kind],
    )

# The arrows proto <- eventlog <- projections <- {client, server} <- tools, and tests see all.
TOOLS_VISIBILITY = [
    "//tools:__subpackages__",
    "//tests:__subpackages__",
]

CLIENT_VISIBILITY = ["//client:__subpackages__"] + TOOLS_VISIBILITY

SERVER_VISIBILITY = ["//server:__subpackages__"] + TOOLS_VISIBILITY

PROJECTIONS_VISIBILITY = [
    "//projections:__subpackages__",
    "//client:__subpackages__",
    "//server:__subpackages__",
] + TOOLS_VISIBILITY

EVENTLOG_VISIBILITY = ["//eventlog:__subpackages__"] + PROJECTIONS_VISIBILITY

PROTO_VISIBILITY = [
    "//proto:__subpackages__",
    "//third_party/prelude:__pkg__",
] + EVENTLOG_VISIBILITY

def cc_lib(name, deps = [], srcs = None, hdrs = None, visibility = None, copts = [], **kw):
    """A library of one header. hdrs: name.h; srcs: name.cc if it exists; warnings are errors."""
    compiled = _compiled(copts)
    native.cc_library(
        name = name,
        srcs = native.glob([name + ".cc"]) if srcs == None else srcs,
        hdrs = [name + ".h"] if hdrs == None else hdrs,
        copts = compiled.copts,
        linkstatic = True,
        visibility = visibility or ["//visibility:private"],
        deps = deps + compiled.deps,
        **kw
    )

def cc_bin(name, deps = [], srcs = None, visibility = None, copts = [], **kw):
    """A program. srcs: name.cc; warnings are errors."""
    compiled = _compiled(copts)
    native.cc_binary(
        name = name,
        srcs = [name + ".cc"] if srcs == None else srcs,
        copts = compiled.copts,
        visibility = visibility or ["//visibility:private"],
        deps = deps + compiled.deps,
        **kw
    )

def cc_unit_test(
        name,
        deps = [],
        size = "small",
        tags = [],
        srcs = None,
        copts = [],
        env = {},
        **kw):
    """A gtest. srcs: name.cc; gtest, gmock and their main are linked in; tags: see above."""
    compiled = _compiled(copts, unit = True)
    native.cc_test(
        name = name,
        size = size,
        srcs = [name + ".cc"] if srcs == None else srcs,
        copts = compiled.copts,
        linkstatic = True,
        env = dict(_CHECKS_OF_UNITS, **env),
        tags = tags,
        deps = deps + compiled.deps + ["//third_party:gtest"],
        **kw
    )

def cc_unit_fuzz(name, deps, **kw):
    """A fuzz target of tests/fuzz: `name`.cc, steered by libFuzzer where that is linked in."""
    compiled = _compiled()
    native.cc_test(
        name = name,
        size = "medium",
        srcs = [name + ".cc"],
        copts = compiled.copts,
        linkopts = select({
            "//tests/fuzz:libfuzzer": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        linkstatic = True,
        env = QUICK_CHECKS,
        tags = ["fuzz", "long"],
        deps = deps + compiled.deps + select({
            "//tests/fuzz:libfuzzer": [],
            "//conditions:default": ["//tests/fuzz:replay_main"],
        }),
        **kw
    )

def proto_lib(name, srcs = None, deps = [], visibility = None):
    """A proto_library `name` (srcs: name.proto) and its C++ code, the cc library `name_cc`."""
    visibility = visibility or ["//visibility:private"]
    native.proto_library(
        name = name,
        srcs = [name + ".proto"] if srcs == None else srcs,
        visibility = visibility,
        deps = deps,
    )
    native.cc_proto_library(
        name = name + "_cc",
        visibility = visibility,
        deps = [":" + name],
    )

def _grpc_code_impl(ctx):
    proto = ctx.attr.proto[ProtoInfo]
    outs = []
    for src in proto.direct_sources:
        base = src.basename[:-len(".proto")]
        outs += [ctx.actions.declare_file(base + ".grpc.pb" + end) for end in [".h", ".cc"]]
    args = ctx.actions.args()
    args.add("--plugin=protoc-gen-grpc=" + ctx.executable._plugin.path)
    args.add("--grpc_out=" + ctx.bin_dir.path)
    args.add_joined(
        "--descriptor_set_in",
        proto.transitive_descriptor_sets,
        join_with = ctx.configuration.host_path_separator,
    )
    args.add_all([src.short_path for src in proto.direct_sources])
    ctx.actions.run(
        executable = ctx.executable._protoc,
        tools = [ctx.executable._plugin],
        inputs = proto.transitive_descriptor_sets,
        outputs = outs,
        arguments = [args],
        mnemonic = "GrpcCode",
        progress_message = "Generating gRPC code of %s" % ctx.label,
    )
    return [
        DefaultInfo(files = depset(outs)),
        OutputGroupInfo(
            hdrs = depset([out for out in outs if out.extension == "h"]),
            srcs = depset([out for out in outs if out.extension == "cc"]),
        ),
    ]

_grpc_code = rule(
    implementation = _grpc_code_impl,
    attrs = {
        "proto": attr.label(mandatory = True, providers = [ProtoInfo]),
        "_plugin": attr.label(
            default = "@com_google_protobuf//:grpc_cpp_plugin",
            executable = True,
            cfg = "host",
            allow_single_file = True,
        ),
        "_protoc": attr.label(
            default = "@com_google_protobuf//:protoc",
            executable = True,
            cfg = "host",
            allow_single_file = True,
        ),
    },
)

def grpc_lib(name, proto, visibility = None):
    """The C++ gRPC code of the proto_lib `proto`, which lies in the same folder.

    Generated code is compiled without our warnings, and without UndefinedBehaviorSanitizer, which
    would double the time that it takes.
    """
    code = name + "_code"
    _grpc_code(name = code, proto = proto)
    for group in ["hdrs", "srcs"]:
        native.filegroup(
            name = code + "_" + group,
            srcs = [":" + code],
            output_group = group,
        )
    native.cc_library(
        name = name,
        srcs = [":" + code + "_srcs"],
        hdrs = [":" + code + "_hdrs"],
        copts = [
            "-w",
            "-fno-sanitize=undefined",
        ],
        linkstatic = True,
        visibility = visibility or ["//visibility:private"],
        deps = [
            proto + "_cc",
            "//third_party:grpc",
        ],
    )
