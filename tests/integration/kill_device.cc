// A device that records and syncs at the same time until it is killed:
//
//   kill_device DIR NAME HOST:PORT
//
// After each acknowledged append it writes "COUNT INTENT_ID\n" to stdout, in one write. It records
// in single appends and in batches, for ever.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "client/client.h"
#include "client/wire/grpc_connector.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

commerce::OrderLineAdded Line(const std::string& device, uint64_t number) {
  commerce::OrderLineAdded line;
  line.set_order_id(Cat(device, "-", number / 20));
  line.set_product_id(Cat("product-", number % 97));
  line.set_quantity(1);
  line.set_unit_price_micros(1'000'000);
  line.set_sold_at_us(1'300'000'000'000'000);
  return line;
}

bool Tell(const std::vector<Appended>& done) {
  std::string text;
  for (const Appended& one : done) text += Cat(one.count, " ", ToText(one.intent_id), "\n");
  return write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

absl::Status Record(Client& client, const std::string& device) {
  for (uint64_t number = client.Status().counts.recorded;;) {
    std::vector<commerce::OrderLineAdded> lines;
    const uint64_t size = number % 3 == 0 ? 50 : 1;
    for (uint64_t i = 0; i < size; ++i) lines.push_back(Line(device, number++));
    std::vector<NewIntent> intents;
    for (const auto& line : lines) intents.push_back({&line, IntentId(), ""});
    ASSIGN_OR_RETURN(const std::vector<Appended> done, client.AppendAll(intents));
    usleep(1000);  // the test is about kills, not about volume
    if (!Tell(done)) return Unavailable("nobody reads");
  }
}

absl::Status Main(const std::string& dir, const std::string& name, const std::string& address) {
  const auto executor = MakeThreadExecutor("device");
  const auto random = MakeSystemRandom();
  ClientOptions options;
  options.dir = dir;
  options.device = name;
  options.scopes = {name, "shared"};
  options.write_scope = name;
  options.schema = Schema::Compiled({commerce::OrderLineAdded::descriptor()->file()});
  options.projections = CommerceViews();
  options.runtime = {&SystemClock(), executor.get(), random.get()};
  options.retry_base = absl::Milliseconds(20);
  options.retry_cap = absl::Milliseconds(200);
  ASSIGN_OR_RETURN(const auto client, Client::Open(std::move(options)));
  GrpcConnector connector({.address = address}, *executor);
  RETURN_IF_ERROR(client->StartSync(connector));
  return Record(*client, name);
}

}  // namespace
}  // namespace intentlog

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const absl::Status status = intentlog::Main(argv[1], argv[2], argv[3]);
  std::cerr << status.ToString() << "\n";
  return 1;
}
