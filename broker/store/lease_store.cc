#include "broker/store/lease_store.h"

#include "absl/strings/str_cat.h"

namespace probegate::broker {
namespace {

constexpr RecordKindRow kRows[] = {
    {RecordKind::kLease, "leases"},
    {RecordKind::kProbe, "probes"},
};

}  // namespace

absl::Span<const RecordKindRow> RecordKinds() { return kRows; }

absl::Status NewerSchema(const std::string& where, int version) {
  return absl::FailedPreconditionError(absl::StrCat(
      "the store ", where, " has version ", version, " of the schema, and this program knows only versions up to ",
      kSchemaVersion, "; use the version of probegate-broker that last used it, or a later one"));
}

}  // namespace probegate::broker
