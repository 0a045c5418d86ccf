// Registers of the Arm Debug Interface that this program itself reads or writes (ADIv5.2 = Arm IHI 0031, ADIv6 = IHI
// 0074).
#pragma once

#include <cstdint>

namespace probegate::adi {

// DP registers by address (ADIv5.2 §B2.2). Bits 7:4 of a banked address here and in the protocols are DPBANKSEL.
inline constexpr uint8_t kDpAbort = 0x0;  // write
inline constexpr uint8_t kDpIdr = 0x0;    // read
inline constexpr uint8_t kDpCtrlStat = 0x4;
inline constexpr uint8_t kDpResend = 0x8;     // read
inline constexpr uint8_t kDpSelect = 0x8;     // write
inline constexpr uint8_t kDpSelect1Bank = 5;  // of address 0x4: SELECT1 of a DPv3 (IHI 0074 §B2.2.11)
inline constexpr uint8_t kDpRdbuff = 0xC;     // read
inline constexpr uint8_t kDpTargetSel = 0xC;  // write, straight after a line reset

// ABORT (§B2.2.1).
inline constexpr uint32_t kAbortDapAbort = 1u << 0;
inline constexpr uint32_t kAbortClearSticky = 0x1E;  // STKCMPCLR, STKERRCLR, WDERRCLR, ORUNERRCLR

// SELECT (§B2.2.11): it holds the upper part of an AP register's address, and the bank of DP registers. The rest of the
// address, A[3:2], is part of the transfer itself.
inline constexpr uint32_t kSelectApMask = 0xFFFFFFF0;
inline constexpr uint32_t kSelectDpBankMask = 0xF;
constexpr uint8_t WireAddress(uint64_t register_address) { return static_cast<uint8_t>(register_address & 0xC); }

// DLCR (§B2.2.4), CTRL/STAT's address in bank 1.
inline constexpr uint8_t kDlcrBank = 1;
inline constexpr uint32_t kDlcrTurnround = 3u << 8;

// CTRL/STAT (§B2.2.2).
inline constexpr uint32_t kOrunDetect = 1u << 0;
inline constexpr uint32_t kTransferModeMask = 3u << 2;
inline constexpr uint32_t kStickyErr = 1u << 5;
inline constexpr uint32_t kStickyFlags =
    1u << 1 | 1u << 4 | kStickyErr;  // STICKYORUN, STICKYCMP; over JTAG ones clear them
inline constexpr uint32_t kDebugPowerRequest = 1u << 28;
inline constexpr uint32_t kDebugPowerAck = 1u << 29;
inline constexpr uint32_t kSystemPowerRequest = 1u << 30;
inline constexpr uint32_t kSystemPowerAck = 1u << 31;
inline constexpr uint32_t kPowerRequests = kDebugPowerRequest | kSystemPowerRequest;
inline constexpr uint32_t kPowerBits = 0xF0000000u;

// DPIDR (§B2.2.5).
constexpr unsigned DpVersion(uint32_t dpidr) { return (dpidr >> 12) & 0xF; }

// MEM-AP registers by offset in the AP (§C2.5); in APv2 they lie 0xD00 higher.
inline constexpr uint8_t kApCsw = 0x00;
inline constexpr uint8_t kApTar = 0x04;
inline constexpr uint8_t kApTarHigh = 0x08;
inline constexpr uint8_t kApDrw = 0x0C;
inline constexpr uint8_t kApBd0 = 0x10;  // to BD3 at 0x1C
inline constexpr uint8_t kApBase = 0xF8;
inline constexpr uint8_t kApIdr = 0xFC;

// CSW (§C2.6.4).
inline constexpr uint32_t kCswSizeMask = 0x7;
inline constexpr uint32_t kCswSize8 = 0;
inline constexpr uint32_t kCswSize16 = 1;
inline constexpr uint32_t kCswSize32 = 2;
inline constexpr uint32_t kCswAddrIncMask = 3u << 4;
inline constexpr uint32_t kCswAddrIncOff = 0u << 4;
inline constexpr uint32_t kCswAddrIncSingle = 1u << 4;
inline constexpr uint32_t kCswAddrIncPacked = 2u << 4;
inline constexpr uint32_t kCswDeviceEn = 1u << 6;
inline constexpr uint32_t kCswSpiden = 1u << 23;  // SDeviceEn in ADIv6: secure accesses are allowed; read-only

// IDR (§C1.3): the class field says whether it is a MEM-AP; the designer is a JEP106 code, of which Arm and Arm China
// have one each.
constexpr bool IsMemAp(uint32_t idr) { return ((idr >> 13) & 0xF) == 8; }
constexpr uint32_t ApDesigner(uint32_t idr) { return (idr >> 17) & 0x7FF; }
inline constexpr uint32_t kDesignerArm = 0x23B;
inline constexpr uint32_t kDesignerArmChina = 0x575;
constexpr bool IsDesignedByArm(uint32_t idr) {
  return ApDesigner(idr) == kDesignerArm || ApDesigner(idr) == kDesignerArmChina;
}

// The page, in bytes, within which a MEM-AP's TAR counts by itself. The architecture promises 1 KiB (§C2.2.2); the
// AHB-APs of Cortex-M3 and M4 (IDR designer Arm, type AHB, variant 0 to 2) are known to do 4 KiB.
uint32_t TarIncrementPage(uint32_t idr);

}  // namespace probegate::adi
