import { runService } from "../http-service.ts";
import { ratingsHandler } from "./ratings.ts";

await runService("ratings", ratingsHandler(process.env));
