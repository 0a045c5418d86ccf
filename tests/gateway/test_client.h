// A client of the remote protocol for tests, with a blocking socket and a bound on each wait.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace probegate {

// The line of a request, and the reply to a request that succeeds without a result.
inline std::string Line(int id, const std::string& request, const std::string& arguments = "[]") {
  return R"({"id": )" + std::to_string(id) + R"(, "request": ")" + request + R"(", "arguments": )" + arguments + "}\n";
}
inline std::string Ok(int id) { return R"({"id": )" + std::to_string(id) + R"(, "status": 0})"; }

class TestClient {
 public:
  // Connects to the loopback interface.
  explicit TestClient(uint16_t port);
  ~TestClient();
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  // Returns false if the connection is gone.
  bool Send(std::string_view bytes);

  // The next line without its LF; nothing at the end of the connection.
  std::optional<std::string> ReadLine();

  // Sends a line and reads one; "" at the end of the connection.
  std::string Ask(std::string_view line);

  // How the connection ended: true for a reset, false for a FIN. To be called after ReadLine has returned nothing.
  bool was_reset() const { return reset_; }

  void ShutDownSending();
  // Closes the connection with a reset.
  void Reset();

 private:
  int socket_;
  std::string buffer_;
  bool reset_ = false;
};

}  // namespace probegate
