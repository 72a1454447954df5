#include "eventlog/schema/inspection_forms.h"

#include "eventlog/schema/schema_maker.h"

namespace intentlog {

std::string InspectionForms() {
  SchemaMaker maker("inspection.proto", "inspection");
  maker.Enum("Verdict", {"VERDICT_UNSPECIFIED", "PASS", "FAIL"});
  // Who comes first has the form.
  maker.Event("FormOpened", R"(entity: "form" key: "form_id" concurrent: FIRST_WRITER_WINS)",
              {{"form_id", 1, "uint64", ""},
               {"machine", 2, "string", "required: true max_len: 40"},
               {"technician", 3, "string", "max_len: 40"}});
  maker.Event("PhotoAdded", R"(entity: "form" key: "form_id" concurrent: COMMUTES
                               pair: { against: "FindingsNoted" rule: COMMUTES }
                               pair: { against: "FormOpened" rule: COMMUTES })",
              {{"form_id", 1, "uint64", ""}, {"photo", 2, "bytes", "required: true"}});
  // The serial number is read off once; the verdict is for a person.
  maker.Event("FindingsNoted", R"(entity: "form" key: "form_id" concurrent: FIELDWISE)",
              {{"form_id", 1, "uint64", ""},
               {"remark", 2, "optional string", "max_len: 2000"},
               {"serial_number", 3, "optional string", "on_clash: FIRST_WRITER_WINS"},
               {"verdict", 4, "enum .inspection.Verdict", "on_clash: REVIEW"},
               {"cooling", 5, "optional string", ""}});
  // A gauge goes on: the later reading is right.
  maker.Event("GaugeRead", R"(entity: "form" key: "form_id" concurrent: LAST_WRITER_WINS
                              clock: DEVICE max_skew_ms: 120000)",
              {{"form_id", 1, "uint64", ""}, {"bar", 2, "sint64", "min: 0 max: 40"}});
  maker.Event("FormSigned", R"(entity: "form" key: "form_id" concurrent: SAME_IS_DUPLICATE
                               pair: { against: "FindingsNoted" rule: REVIEW }
                               pair: { against: "PhotoAdded" rule: COMMUTES })",
              {{"form_id", 1, "uint64", ""},
               {"signer", 2, "string", "required: true"},
               {"signed_at_us", 3, "sint64", "volatile: true"}});
  maker.Event("CostsEstimated", R"(entity: "form" key: "form_id" concurrent: REVIEW)",
              {{"form_id", 1, "uint64", ""}, {"cents", 2, "sint64", "min: 0"}});
  // Billed twice within an hour: most likely once too often.
  maker.Event("VisitBilled", R"(entity: "form" key: "form_id" concurrent: COMMUTES
                                clock: DEVICE max_skew_ms: 120000
                                duplicate_key: { fields: "machine" fields: "cents"
                                                 period_ms: 3600000 outcome: SAME_IS_DUPLICATE })",
              {{"form_id", 1, "uint64", "volatile: true"},
               {"machine", 2, "string", "required: true"},
               {"cents", 3, "sint64", "min: 1"},
               {"noted_at_us", 4, "sint64", "volatile: true"}});
  return maker.Bytes();
}

}  // namespace intentlog
