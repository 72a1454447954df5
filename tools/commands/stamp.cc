// Compiled by Bazel at link time with what tools/status says about the work tree.
namespace intentlog {
extern const char kCommit[];
#ifdef BUILD_SCM_REVISION
const char kCommit[] = BUILD_SCM_REVISION;
#else
const char kCommit[] = "unknown";
#endif
}  // namespace intentlog
