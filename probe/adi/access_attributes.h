// How the accesses of a MEM-AP present themselves to the target's bus: secure or non-secure, privileged or user.
//
// Both are bits of CSW.Prot, and the kind of bus decides which ("Standard Memory Access Port Definitions" in ADIv5.2,
// IHI 0031, and ADIv6, IHI 0074). What an AP does not implement keeps its value when it is written. What CSW holds
// after a reset is not made for debuggers: it may ask for non-secure accesses although all memory is secure, or for
// user accesses, which the debug registers of a core refuse.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace probegate::adi {

// What a user asks for; nullopt leaves the choice to ApAttributes.
struct AccessAttributes {
  std::optional<bool> secure;
  std::optional<bool> privileged;

  bool operator==(const AccessAttributes&) const = default;
};

// What is asked for, for messages: "secure", "non-secure user", …; empty if nothing is.
std::string ToString(const AccessAttributes& attributes);

// The attributes that one AP can give to its accesses. Pure arithmetic on the values of its registers.
class ApAttributes {
 public:
  // The bits of CSW that are to be inverted for the trial that the constructor needs; no access may be made meanwhile.
  // 0 if an AP with this IDR has no attributes, or none that are known: its CSW must not be touched.
  static uint32_t TrialBits(uint32_t idr);

  // `found`: CSW before anybody wrote it. `trial`: what CSW held after `found ^ TrialBits(idr)` was written to it;
  // equal to `found` if there are no such bits.
  ApAttributes(uint32_t idr, uint32_t found, uint32_t trial);

  // The value of CSW for accesses as `wanted`. What is not asked for is what a debugger needs on an AHB or AXI, as far
  // as the AP implements it: privileged data accesses in the name of the debugger (MasterType), secure if the AP says
  // that secure debugging is enabled (SPIDEN). Everything else is as found, among it what makes an access cacheable.
  uint32_t Csw(const AccessAttributes& wanted) const;

  // Why the AP cannot make accesses as `wanted`: a clause about the AP, such as "it has no security attribute". Empty
  // if it can.
  std::string WhyNot(const AccessAttributes& wanted) const;

  // Whether accesses may be of either kind, so that a FAULT may be due to the choice between them.
  bool has_security_choice() const { return (changeable_ & nonsecure_) != 0; }
  // What accesses are without a request; may be changed if there is a choice.
  bool secure_by_default() const { return (csw_ & nonsecure_) == 0; }
  void SetSecureByDefault(bool secure);

 private:
  // Whether the AP implements this bit: it can be changed, or is fixed at 1.
  bool Has(uint32_t bit) const { return ((changeable_ | csw_) & bit) != 0; }
  bool CanBe(uint32_t bit, bool one) const { return Has(bit) && (one || (changeable_ & bit) != 0); }

  uint32_t nonsecure_ = 0;   // the bit for it; 0 if this kind of AP has none
  uint32_t privileged_ = 0;  // likewise
  uint32_t changeable_;
  uint32_t csw_;  // without requests
};

}  // namespace probegate::adi
