#include "probe/adi/access_attributes.h"

#include <algorithm>
#include <iterator>

#include "probe/adi/registers.h"

namespace probegate::adi {
namespace {

// AHB: HPROT[0] and HPROT[1], whose master the access is made as, and HNONSEC.
constexpr uint32_t kAhbData = 1u << 24;
constexpr uint32_t kAhbPrivileged = 1u << 25;
constexpr uint32_t kAhbDebugMaster = 1u << 29;
constexpr uint32_t kAhbNonsecure = 1u << 30;
constexpr uint32_t kAhbDefaults = kAhbData | kAhbPrivileged | kAhbDebugMaster;

// AXI: AxPROT[2:0]. APB4 and APB5: PPROT[1:0] in the same place.
constexpr uint32_t kAxiPrivileged = 1u << 28;
constexpr uint32_t kAxiNonsecure = 1u << 29;
constexpr uint32_t kAxiInstruction = 1u << 30;

struct TypeRow {
  uint32_t type;  // IDR.TYPE of a MEM-AP designed by Arm
  uint32_t nonsecure;
  uint32_t privileged;
  // Without requests: which bits are set and cleared, and whether SPIDEN decides about security or CSW as found.
  uint32_t set;
  uint32_t clear;
  bool follows_spiden;
};

// An APB2 or APB3 (type 2) has no attributes. An APB4 or APB5 leads to debug components, and established debuggers
// leave its attributes as they are.
constexpr TypeRow kTypes[] = {
    {1, kAhbNonsecure, kAhbPrivileged, kAhbDefaults, 0, true},                  // AHB3
    {4, kAxiNonsecure, kAxiPrivileged, kAxiPrivileged, kAxiInstruction, true},  // AXI3 and AXI4
    {5, kAhbNonsecure, kAhbPrivileged, kAhbDefaults, 0, true},                  // AHB5
    {6, kAxiNonsecure, kAxiPrivileged, 0, 0, false},                            // APB4 and APB5
    {7, kAxiNonsecure, kAxiPrivileged, kAxiPrivileged, kAxiInstruction, true},  // AXI5
    {8, kAhbNonsecure, kAhbPrivileged, kAhbDefaults, 0, true},                  // AHB5 with enhanced HPROT
};

// The types of other designers are their own.
const TypeRow* FindType(uint32_t idr) {
  if (!IsMemAp(idr) || !IsDesignedByArm(idr)) return nullptr;
  const auto* row =
      std::find_if(std::begin(kTypes), std::end(kTypes), [idr](const TypeRow& r) { return r.type == (idr & 0xF); });
  return row == std::end(kTypes) ? nullptr : row;
}

constexpr uint32_t With(uint32_t csw, uint32_t bit, bool one) { return one ? csw | bit : csw & ~bit; }

}  // namespace

std::string ToString(const AccessAttributes& attributes) {
  std::string text;
  if (attributes.secure) text = *attributes.secure ? "secure" : "non-secure";
  if (attributes.secure && attributes.privileged) text += " ";
  if (attributes.privileged) text += *attributes.privileged ? "privileged" : "user";
  return text;
}

uint32_t ApAttributes::TrialBits(uint32_t idr) {
  const TypeRow* row = FindType(idr);
  return row == nullptr ? 0 : row->nonsecure | row->privileged | row->set | row->clear;
}

ApAttributes::ApAttributes(uint32_t idr, uint32_t found, uint32_t trial)
    : changeable_((found ^ trial) & TrialBits(idr)), csw_(found) {
  const TypeRow* row = FindType(idr);
  if (row == nullptr) return;
  nonsecure_ = row->nonsecure;
  privileged_ = row->privileged;
  csw_ = (csw_ | (row->set & changeable_)) & ~(row->clear & changeable_);
  if (row->follows_spiden) csw_ = With(csw_, nonsecure_ & changeable_, (found & kCswSpiden) == 0);
}

uint32_t ApAttributes::Csw(const AccessAttributes& wanted) const {
  uint32_t csw = csw_;
  if (wanted.secure) csw = With(csw, nonsecure_ & changeable_, !*wanted.secure);
  if (wanted.privileged) csw = With(csw, privileged_ & changeable_, *wanted.privileged);
  return csw;
}

void ApAttributes::SetSecureByDefault(bool secure) { csw_ = With(csw_, nonsecure_ & changeable_, !secure); }

std::string ApAttributes::WhyNot(const AccessAttributes& wanted) const {
  if (wanted.secure && !CanBe(nonsecure_, !*wanted.secure)) {
    if (!Has(nonsecure_)) return "it has no security attribute";
    return (csw_ & kCswSpiden) == 0 ? "its accesses are always non-secure while secure debugging is disabled"
                                    : "its accesses are always non-secure";
  }
  if (wanted.privileged && !CanBe(privileged_, *wanted.privileged)) {
    return Has(privileged_) ? "its accesses are always privileged" : "it has no privilege attribute";
  }
  return {};
}

}  // namespace probegate::adi
