#include "access/http_get.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <string_view>

#include "base/freed.h"

namespace probegate {
namespace {

constexpr long kWholeSeconds = 10;
constexpr long kConnectSeconds = 5;
constexpr long kRedirects = 3;
constexpr long kOk = 200;
constexpr std::string_view kLoopbackHosts[] = {"127.0.0.1", "localhost", "[::1]"};

using Handle = std::unique_ptr<CURL, Freed<curl_easy_cleanup>>;

// libcurl's callback for a piece of the body. Another number than `count` ends the transfer.
size_t TakePiece(char* data, size_t size, size_t count, void* to) {
  auto& body = *static_cast<std::string*>(to);
  if (body.size() + size * count > kMostHttpBody) return 0;
  body.append(data, size * count);
  return size * count;
}

// libcurl's callback for progress. Another number than 0 ends the transfer.
int IsCancelled(void* cancelled, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return (*static_cast<const std::function<bool()>*>(cancelled))() ? 1 : 0;
}

void SetUp(CURL* curl, const HttpRequest& request) {
  const char* const scheme = request.url.starts_with("https:") ? "https" : "http";
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, scheme);
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, scheme);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  const bool secure = scheme == std::string_view("https");
  // Without TLS, nothing may leave this machine: neither through a redirect nor through a proxy.
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, secure ? kRedirects : 0L);
  if (!secure) curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, kWholeSeconds);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, nullptr);
  if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
  if (!request.token.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request.token.c_str());
  }
}

}  // namespace

bool IsFetchable(const std::string& url) {
  const std::unique_ptr<CURLU, Freed<curl_url_cleanup>> parsed(curl_url());
  if (parsed == nullptr || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return false;
  char* part = nullptr;
  if (curl_url_get(parsed.get(), CURLUPART_HOST, &part, 0) != CURLUE_OK) return false;
  const std::unique_ptr<char, Freed<curl_free>> host(part);
  if (curl_url_get(parsed.get(), CURLUPART_USER, &part, 0) == CURLUE_OK) {
    curl_free(part);
    return false;
  }
  if (url.starts_with("https://")) return true;
  return url.starts_with("http://") &&
         std::find(std::begin(kLoopbackHosts), std::end(kLoopbackHosts), host.get()) != std::end(kLoopbackHosts);
}

absl::StatusOr<std::string> HttpGet(const HttpRequest& request, const std::function<bool()>& cancelled) {
  if (!IsFetchable(request.url)) {
    return absl::InvalidArgumentError("cannot fetch " + request.url +
                                      ": use https, without a user name; http is only for 127.0.0.1, [::1] and " +
                                      "localhost");
  }
  const Handle curl(curl_easy_init());
  if (curl == nullptr) return absl::UnavailableError("cannot fetch " + request.url + ": no memory");
  std::array<char, CURL_ERROR_SIZE> reason{};
  std::string body;
  SetUp(curl.get(), request);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason.data());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &TakePiece);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &IsCancelled);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &cancelled);
  const CURLcode code = curl_easy_perform(curl.get());
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  std::string why;
  if (code != CURLE_OK) {
    why = reason.front() != '\0' ? reason.data() : curl_easy_strerror(code);
  } else if (status != kOk) {
    why = "the server answered with status " + std::to_string(status);
  } else {
    return body;
  }
  return absl::UnavailableError("cannot fetch " + request.url + ": " + why);
}

}  // namespace probegate
