#include "debug/launch/seccomp.h"

#include <seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "debug/launch/system_calls.h"

namespace probegate {
namespace {

// The rules, until they are given to the kernel. Remembers the first error.
class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(EPERM))) {
    if (context_ == nullptr) error_ = -ENOMEM;
    Try(::seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
    Try(::seccomp_attr_set(context_, SCMP_FLTATR_CTL_NNP, 0));
    // A binary tree instead of a list: some hundred numbers would be compared for each call.
    Try(::seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2));
  }
  ~Filter() { ::seccomp_release(context_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  // Adds no rule if the processor does not have the call (its number is then negative).
  void Add(uint32_t action, int number, const std::vector<scmp_arg_cmp>& checks) {
    if (number < 0) return;
    Try(::seccomp_rule_add_array(context_, action, number, static_cast<unsigned>(checks.size()), checks.data()));
    known_.insert(number);
  }
  bool knows(int number) const { return known_.contains(number); }
  // A negative value of errno, or 0.
  int Load() {
    Try(::seccomp_load(context_));
    return error_;
  }

 private:
  void Try(int result) {
    if (error_ == 0) error_ = result;
  }

  scmp_filter_ctx context_;
  std::set<int> known_;  // the calls that have rules
  int error_ = 0;
};

std::vector<scmp_arg_cmp> Checks(const SystemCallRow& row) {
  std::vector<scmp_arg_cmp> checks;
  for (const ArgumentCheck& check : row.checks) {
    if (check.mask == 0) continue;
    const uint64_t value = check.value == kOwnProcess ? static_cast<uint64_t>(::getpid()) : check.value;
    checks.push_back({.arg = check.argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = check.mask, .datum_b = value});
  }
  return checks;
}

int Number(const char* call) { return ::seccomp_syscall_resolve_name(call); }

bool IsSleep(std::string_view call) { return call == "clock_nanosleep" || call == "nanosleep"; }

}  // namespace

absl::Status CanFilterSystemCalls() {
  if (::seccomp_api_get() >= 2 && ::seccomp_arch_native() != 0) return absl::OkStatus();
  return absl::UnimplementedError("this kernel does not support seccomp filters");
}

absl::Status FilterSystemCalls(const Confinement& confinement) {
  Filter filter;
  for (const SystemCallRow& row : kAllowedCalls) {
    if (row.allowed_if == AllowedIf::kMayListen && !confinement.may_listen) continue;
    // An errno of 0 reports success, although nothing was done.
    const bool skipped = confinement.sleepless && IsSleep(row.call);
    filter.Add(skipped ? SCMP_ACT_ERRNO(0) : SCMP_ACT_ALLOW, Number(row.call), Checks(row));
  }
  // Programs try IPv4 if another family does not exist.
  filter.Add(SCMP_ACT_ERRNO(EAFNOSUPPORT), Number("socket"),
             {{.arg = 0, .op = SCMP_CMP_NE, .datum_a = AF_INET, .datum_b = 0}});
  for (int number = kFirstNewCall; number <= kLastNewCall; ++number) {
    if (!filter.knows(number)) filter.Add(SCMP_ACT_ERRNO(ENOSYS), number, {});
  }
  const int error = filter.Load();
  if (error == 0) return absl::OkStatus();
  return absl::InternalError(std::string("cannot install the seccomp filter: ") + std::strerror(-error));
}

}  // namespace probegate
