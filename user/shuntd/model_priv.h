/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by model*.c only: how a model is made of the one before it (model_succession.c). */
#ifndef SHUNT_MODEL_PRIV_H
#define SHUNT_MODEL_PRIV_H

#include "model.h"

struct model_succession {
	struct model *model;
	const struct model *before; /* NULL: there is none, or of another world */
	uint64_t now;
	size_t at;			 /* in before: where the next service is expected */
	const struct model_service *was; /* of the service at hand; NULL: before has none of its name */
	bool in_place;			 /* up to now, all that an apply allocates or looks up by is as before */
};

/* Begin; the model's own members are set, its services are not. */
void model_succeed(struct model_succession *s, struct model *model, const struct model_inputs *inputs);
/* Service i is what it was: taken from before. false: it is to be filled in, and then noted. */
bool model_inherit(struct model_succession *s, size_t i, const struct config_service *config);
void model_note_changed(struct model_succession *s, size_t i, const struct config_service *config);

#endif
