"""Headers that are compiled once and read back by every file: precompiled headers.

Most of the time that a file of ours takes is spent on what it includes (the standard library, absl,
protobuf and what protoc writes), so that this halves the time of a build.
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _precompiled_header_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    deps = cc_common.merge_cc_infos(
        cc_infos = [dep[CcInfo] for dep in ctx.attr.deps],
    ).compilation_context

    # Both compilers look for NAME.h.gch where they are told to include NAME.h.
    header = ctx.actions.declare_file(ctx.label.name + ".h")
    compiled = ctx.actions.declare_file(ctx.label.name + ".h.gch")
    ctx.actions.write(header, "".join([
        '#include "%s"\n' % included.short_path
        for included in ctx.files.includes
    ]))
    flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts + ctx.attr.copts
    requirements = {}
    if toolchain.compiler == "clang":
        # It names what it was compiled from by whole paths: so not in a sandbox, which is gone
        # afterwards, and not from a cache, which another folder may have filled.
        requirements = {"no-cache": "1", "no-sandbox": "1"}
        flags += ["-fpch-instantiate-templates", "-Xclang", "-fno-pch-timestamp"]
    variables = cc_common.create_compile_variables(
        feature_configuration = features,
        cc_toolchain = toolchain,
        user_compile_flags = flags + ["-x", "c++-header"],
        source_file = header.path,
        output_file = compiled.path,
        include_directories = deps.includes,
        quote_include_directories = deps.quote_includes,
        system_include_directories = deps.system_includes,
        preprocessor_defines = deps.defines,
        use_pic = True,
    )
    arguments = cc_common.get_memory_inefficient_command_line(
        feature_configuration = features,
        action_name = "c++-compile",
        variables = variables,
    )
    ctx.actions.run(
        executable = cc_common.get_tool_for_action(
            feature_configuration = features,
            action_name = "c++-compile",
        ),
        arguments = arguments,
        inputs = depset(
            [header] + ctx.files.includes,
            transitive = [deps.headers, toolchain.all_files],
        ),
        outputs = [compiled],
        env = {"PATH": "/bin:/usr/bin"},
        execution_requirements = requirements,
        mnemonic = "PrecompiledHeader",
        progress_message = "Compiling the header %s" % ctx.label,
    )
    return [
        DefaultInfo(files = depset([header, compiled])),
        CcInfo(compilation_context = cc_common.create_compilation_context(
            headers = depset(
                [header, compiled] + ctx.files.includes,
                transitive = [deps.headers],
            ),
            includes = deps.includes,
            quote_includes = deps.quote_includes,
            system_includes = deps.system_includes,
        )),
    ]

precompiled_header = rule(
    doc = """NAME.h, which includes `includes`, and what it is once compiled.

Who depends on it is compiled with `-include $(BINDIR)/PACKAGE/NAME.h`, and but for that with the
same flags, `copts` among them: a compiler leaves aside, or refuses, what has other ones.""",
    implementation = _precompiled_header_impl,
    attrs = {
        "copts": attr.string_list(),
        "deps": attr.label_list(providers = [CcInfo]),
        "includes": attr.label_list(mandatory = True, allow_files = [".h"]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
