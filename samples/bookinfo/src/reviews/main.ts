import { runService } from "../http-service.ts";
import { reviewsHandler } from "./reviews.ts";

await runService("reviews", reviewsHandler(process.env));
