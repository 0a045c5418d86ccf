// The subcommands read and write.
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/memory/hexdump.h"
#include "cli/memory/target_memory.h"
#include "cli/print/failure.h"
#include "cli/print/json.h"
#include "cli/servers/find_probe.h"
#include "cli/servers/server_group.h"

namespace probegate {
namespace {

void CheckAligned(const MemoryArguments& memory) {
  if (memory.address % (memory.width / 8) == 0) return;
  throw Failure(ExitCode::kUsage, "the address is not a multiple of " + std::to_string(memory.width / 8) +
                                      ", as --width " + std::to_string(memory.width) + " requires");
}

MemoryPath PathOf(const MemoryArguments& memory) {
  MemoryPath path{.ap = memory.ap, .attributes = {}, .clock = memory.clock, .timeout = memory.timeout};
  if (memory.secure) path.attributes.set_secure(*memory.secure);
  if (memory.privileged) path.attributes.set_privileged(*memory.privileged);
  return path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Failure(ExitCode::kFailed, "cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  if (!file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush()) {
    throw Failure(ExitCode::kFailed, "cannot write " + path);
  }
}

std::string ValuesAsJson(const std::string& probe, const MemoryArguments& memory, const std::vector<uint32_t>& values) {
  std::string list;
  for (const uint32_t value : values) list += (list.empty() ? "" : ",") + std::to_string(value);
  return "{\"probe\":" + ToJson(probe) + ",\"address\":" + std::to_string(memory.address) +
         ",\"width\":" + std::to_string(memory.width) + ",\"values\":[" + list + "]}";
}

}  // namespace

void RunRead(const CommonArguments& common, const ReadArguments& arguments) {
  const MemoryArguments& memory = arguments.memory;
  CheckAligned(memory);
  ServerGroup group(common.servers, common.security);
  const auto [server, probe] = FindProbe(group, memory.probe);
  TargetMemory target(*server, common.client, probe, PathOf(memory));
  const std::vector<uint32_t> values = target.Read(memory.address, arguments.count, memory.width);
  if (!arguments.output.empty()) {
    WriteFile(arguments.output, ToBytes(values, memory.width));
  } else if (common.json) {
    std::cout << ValuesAsJson(target.probe(), memory, values) << "\n";
  } else {
    std::cout << FormatHexdump(memory.address, values, memory.width);
  }
}

void RunWrite(const CommonArguments& common, const WriteArguments& arguments) {
  const MemoryArguments& memory = arguments.memory;
  std::vector<uint32_t> values;
  for (const uint64_t value : arguments.values) {
    if (value >> memory.width != 0) {
      throw Failure(ExitCode::kUsage,
                    std::to_string(value) + " has more than " + std::to_string(memory.width) + " bits");
    }
    values.push_back(static_cast<uint32_t>(value));
  }
  if (arguments.file.empty()) CheckAligned(memory);
  const std::string bytes = arguments.file.empty() ? std::string() : ReadFile(arguments.file);
  ServerGroup group(common.servers, common.security);
  const auto [server, probe] = FindProbe(group, memory.probe);
  TargetMemory target(*server, common.client, probe, PathOf(memory));
  if (arguments.file.empty()) {
    target.Write(memory.address, values, memory.width);
  } else {
    target.WriteBytes(memory.address, bytes);
  }
  const size_t written = arguments.file.empty() ? values.size() * memory.width / 8 : bytes.size();
  if (common.json) {
    std::cout << "{\"probe\":" << ToJson(target.probe()) << ",\"bytes\":" << written << "}\n";
  } else {
    std::cout << "Wrote " << written << " bytes to " << Printable(target.probe()) << ".\n";
  }
}

}  // namespace probegate
