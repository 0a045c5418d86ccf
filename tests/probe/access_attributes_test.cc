#include "probe/adi/access_attributes.h"

#include <gtest/gtest.h>

#include <string>

namespace probegate::adi {
namespace {

constexpr uint32_t kAhb3 = 0x84770001;
constexpr uint32_t kCortexM4 = 0x24770011;
constexpr uint32_t kApb3 = 0x54770002;
constexpr uint32_t kAxi4 = 0x14770004;
constexpr uint32_t kAhb5 = 0x14770015;
constexpr uint32_t kAhb5ArmChina = 0x0AEB0015;
constexpr uint32_t kApb5 = 0x34770006;
constexpr uint32_t kAxi5 = 0x34770017;
constexpr uint32_t kAhb5Hprot = 0x34770008;
constexpr uint32_t kOtherDesigner = 0x24750001;
constexpr uint32_t kJtagAp = 0x24760010;
constexpr uint32_t kEverything = 0xFFFFFFFF;
constexpr uint32_t kSpiden = 1u << 23;

constexpr AccessAttributes kSecure{.secure = true, .privileged = {}};
constexpr AccessAttributes kNonsecure{.secure = false, .privileged = {}};
constexpr AccessAttributes kPrivileged{.secure = {}, .privileged = true};
constexpr AccessAttributes kUser{.secure = {}, .privileged = false};

// An AP whose CSW, `found`, can be changed in the bits of `writable`.
ApAttributes Make(uint32_t idr, uint32_t found, uint32_t writable) {
  const uint32_t written = found ^ ApAttributes::TrialBits(idr);
  return {idr, found, (written & writable) | (found & ~writable)};
}

struct Row {
  std::string ap;
  uint32_t idr;
  uint32_t found;
  uint32_t writable;
  uint32_t by_default;
  // 0: refused.
  uint32_t secure, nonsecure, privileged, user;
};

const Row kRows[] = {
    {"AHB3 with TrustZone, secure debugging on", kAhb3, 0x40800042, kEverything, 0x23800042, 0x23800042, 0x63800042,
     0x23800042, 0x21800042},
    {"AHB3 with TrustZone, secure debugging off", kAhb3, 0x03000042, kEverything, 0x63000042, 0x23000042, 0x63000042,
     0x63000042, 0x61000042},
    {"AHB3 without MasterType", kAhb3, 0x43800042, 0x5F000037, 0x03800042, 0x03800042, 0x43800042, 0x03800042,
     0x01800042},
    {"AHB3 that is always non-secure", kAhb3, 0x41000042, 0x2F000037, 0x63000042, 0, 0x63000042, 0x63000042,
     0x61000042},
    {"AHB-AP of a Cortex-M4, HPROT[1] off", kCortexM4, 0x01000042, 0x22000037, 0x23000042, 0, 0, 0x23000042,
     0x21000042},
    {"AHB-AP that is always privileged", kCortexM4, 0x03000042, 0x37, 0x03000042, 0, 0, 0x03000042, 0},
    {"APB3", kApb3, 0x80000042, kEverything, 0x80000042, 0, 0, 0, 0},
    {"AXI4, secure debugging on", kAxi4, 0x7F806042, kEverything, 0x1F806042, 0x1F806042, 0x3F806042, 0x1F806042,
     0x0F806042},
    {"AXI4, secure debugging off", kAxi4, 0x00006042, kEverything, 0x30006042, 0x10006042, 0x30006042, 0x30006042,
     0x20006042},
    {"AHB5, cacheable and bufferable as found", kAhb5, 0x4C800040, kEverything, 0x2F800040, 0x2F800040, 0x6F800040,
     0x2F800040, 0x2D800040},
    {"AHB5 of Arm China", kAhb5ArmChina, 0x40800040, kEverything, 0x23800040, 0x23800040, 0x63800040, 0x23800040,
     0x21800040},
    {"APB5 stays as found unless asked", kApb5, 0xA0000042, kEverything, 0xA0000042, 0x80000042, 0xA0000042, 0xB0000042,
     0xA0000042},
    {"AXI5, memory tagging as found", kAxi5, 0x2080E042, kEverything, 0x1080E042, 0x1080E042, 0x3080E042, 0x1080E042,
     0x0080E042},
    {"AHB5 with enhanced HPROT", kAhb5Hprot, 0x58808042, kEverything, 0x3B808042, 0x3B808042, 0x7B808042, 0x3B808042,
     0x39808042},
    {"MEM-AP of another designer", kOtherDesigner, 0x40000042, kEverything, 0x40000042, 0, 0, 0, 0},
    {"not a MEM-AP", kJtagAp, 0x40000042, kEverything, 0x40000042, 0, 0, 0, 0},
};

TEST(ApAttributes, ChoosesWhatADebuggerNeedsForEachKindOfAp) {
  for (const Row& row : kRows) {
    EXPECT_EQ(Make(row.idr, row.found, row.writable).Csw({}), row.by_default) << row.ap;
  }
}

TEST(ApAttributes, GivesWhatIsAskedForOrRefuses) {
  for (const Row& row : kRows) {
    const ApAttributes attributes = Make(row.idr, row.found, row.writable);
    for (const auto& [wanted, csw] : {std::pair{kSecure, row.secure}, std::pair{kNonsecure, row.nonsecure},
                                      std::pair{kPrivileged, row.privileged}, std::pair{kUser, row.user}}) {
      EXPECT_EQ(attributes.WhyNot(wanted).empty(), csw != 0) << row.ap << ": " << ToString(wanted);
      if (csw == 0) continue;
      EXPECT_EQ(attributes.Csw(wanted), csw) << row.ap << ": " << ToString(wanted);
    }
    EXPECT_EQ(attributes.WhyNot({}), "") << row.ap;
  }
}

TEST(ApAttributes, TheTrialChangesNothingButAttributes) {
  for (const Row& row : kRows) {
    EXPECT_EQ(ApAttributes::TrialBits(row.idr) & ~0x7F000000u, 0u) << row.ap;
  }
  EXPECT_EQ(ApAttributes::TrialBits(kApb3), 0u);
  EXPECT_EQ(ApAttributes::TrialBits(kOtherDesigner), 0u);
  EXPECT_EQ(ApAttributes::TrialBits(kJtagAp), 0u);
}

TEST(ApAttributes, GivesBothAttributesAtOnce) {
  const ApAttributes attributes = Make(kAhb5, 0x40000040, kEverything);
  EXPECT_EQ(attributes.Csw({.secure = true, .privileged = false}), 0x21000040u);
  EXPECT_EQ(attributes.Csw({.secure = false, .privileged = true}), 0x63000040u);
}

TEST(ApAttributes, SaysWhyItRefuses) {
  EXPECT_EQ(Make(kCortexM4, 0x03000042, 0x22000037).WhyNot(kSecure), "it has no security attribute");
  EXPECT_EQ(Make(kApb3, 0x42, kEverything).WhyNot(kUser), "it has no privilege attribute");
  EXPECT_EQ(Make(kAhb5, 0x43000040, 0x2F000037).WhyNot(kSecure),
            "its accesses are always non-secure while secure debugging is disabled");
  EXPECT_EQ(Make(kAhb5, 0x43000040 | kSpiden, 0x2F000037).WhyNot(kSecure), "its accesses are always non-secure");
  EXPECT_EQ(Make(kAhb5, 0x43000040, 0x40000037).WhyNot(kUser), "its accesses are always privileged");
  EXPECT_EQ(Make(kAhb5, 0x43000040, 0).WhyNot({.secure = false, .privileged = false}),
            "its accesses are always privileged");
}

TEST(ApAttributes, TheDefaultSecurityCanBeChangedIfThereIsAChoice) {
  ApAttributes attributes = Make(kAhb5, 0x40000040, kEverything);
  ASSERT_TRUE(attributes.has_security_choice());
  EXPECT_FALSE(attributes.secure_by_default());
  attributes.SetSecureByDefault(true);
  EXPECT_TRUE(attributes.secure_by_default());
  EXPECT_EQ(attributes.Csw({}), 0x23000040u);
  EXPECT_EQ(attributes.Csw(kNonsecure), 0x63000040u);
  attributes.SetSecureByDefault(false);
  EXPECT_EQ(attributes.Csw({}), 0x63000040u);
  ApAttributes fixed = Make(kAhb5, 0x43000040, 0x2F000037);
  fixed.SetSecureByDefault(true);
  EXPECT_EQ(fixed.Csw({}), 0x63000040u);
  EXPECT_FALSE(Make(kCortexM4, 0x03000042, 0x22000037).has_security_choice());
  EXPECT_FALSE(Make(kAhb5, 0x43000040, 0x2F000037).has_security_choice());
  EXPECT_FALSE(Make(kApb3, 0x42, kEverything).has_security_choice());
}

TEST(ApAttributes, RequestsInWords) {
  EXPECT_EQ(ToString(AccessAttributes{}), "");
  EXPECT_EQ(ToString(kSecure), "secure");
  EXPECT_EQ(ToString(kUser), "user");
  EXPECT_EQ(ToString(AccessAttributes{.secure = false, .privileged = true}), "non-secure privileged");
}

}  // namespace
}  // namespace probegate::adi
