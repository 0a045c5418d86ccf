#include "cli/print/place.h"

#include <map>
#include <utility>

#include "cli/print/json.h"

namespace probegate {

std::vector<Place> PlacesOf(const std::vector<HostOfServer>& servers) {
  std::map<std::string, int> servers_of_host;
  for (const HostOfServer& one : servers) ++servers_of_host[one.host];
  std::vector<Place> places;
  for (const auto& [server, host] : servers) {
    const std::string address = server.address.ToString();
    places.push_back({host, address, host.empty() || servers_of_host[host] > 1 ? address : host});
  }
  return places;
}

std::string WithPlace(std::string object, const Place& place) {
  return WithMember(WithMember(std::move(object), "host", ToJson(place.host)), "server", ToJson(place.server));
}

}  // namespace probegate
